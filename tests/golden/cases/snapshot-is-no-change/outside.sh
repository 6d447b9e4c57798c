virsh -q snapshot-create-as db before-upgrade --disk-only --diskspec vda,file=/var/lib/libvirt/images/vms/db-root.before-upgrade
virsh -q pool-refresh vms
