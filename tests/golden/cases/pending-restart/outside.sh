# as after an apply that could not restart the guest: the running one still has the old maximum
virsh -q destroy web
virsh -q setvcpus web 4 --maximum --config
virsh -q start web
virsh -q setvcpus web 6 --maximum --config
virsh -q setvcpus web 1 --config
