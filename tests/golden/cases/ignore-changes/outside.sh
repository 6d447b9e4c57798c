virsh -q setmem web 128M --config --live
