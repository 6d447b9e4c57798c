virsh -q undefine db
