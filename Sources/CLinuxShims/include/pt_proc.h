// The one mount that perftop ever makes, seen by nobody else.
#pragma once

/// Moves this process into a mount namespace of its own and puts a procfs of its own pid namespace on /proc there
/// (unshare(2), proc(5)). Needs CAP_SYS_ADMIN, and one thread: others would stay where they were. 0, or -1 with errno;
/// nothing is mounted where the mount could reach another namespace.
int pt_mount_own_proc(void);
