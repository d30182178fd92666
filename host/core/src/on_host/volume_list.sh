disks
