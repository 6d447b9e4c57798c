virsh -q desc web --config --live "changed by hand"
virsh -q setmaxmem web 2G --config
virsh -q autostart web
virsh -q net-autostart front --disable
cat > /tmp/watchdog.xml <<XML
<watchdog model='i6300esb' action='none'/>
XML
virsh -q attach-device web /tmp/watchdog.xml --config
