begin
detect_system
resume_at_boot
name_host
make_operator
configure_sshd
#if name-servers
set_name_servers
#end
#if gateway
forward_packets
#end
set_firewall
set_time
print_host_keys
end
