virsh -q define /dev/stdin <<XML
<domain type='qemu'>
  <name>web</name>
  <uuid>11111111-2222-4333-8444-555555555555</uuid>
  <memory unit='MiB'>256</memory>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <source file='/srv/disks/web.qcow2'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <interface type='network'>
      <mac address='52:54:00:11:22:33'/>
      <source network='default'/>
      <model type='virtio'/>
    </interface>
  </devices>
</domain>
XML
virsh -q net-define /dev/stdin <<XML
<network><name>front</name><uuid>22222222-2222-4333-8444-555555555555</uuid><ip address='10.1.1.1' netmask='255.255.255.0'/></network>
XML
virsh -q pool-define-as vms dir --target /var/lib/libvirt/images/vms
