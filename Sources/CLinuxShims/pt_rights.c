#define _GNU_SOURCE
#include "include/pt_rights.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/capability.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int pt_read_rights(struct pt_rights *rights) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0}};
    if (syscall(SYS_capget, &header, data) != 0) return -1;
    rights->effective = (uint64_t)data[1].effective << 32 | data[0].effective;
    rights->permitted = (uint64_t)data[1].permitted << 32 | data[0].permitted;
    rights->inheritable = (uint64_t)data[1].inheritable << 32 | data[0].inheritable;
    return 0;
}

int pt_set_rights(const struct pt_rights *rights) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    for (int word = 0; word < 2; word++) {
        data[word].effective = (uint32_t)(rights->effective >> 32 * word);
        data[word].permitted = (uint32_t)(rights->permitted >> 32 * word);
        data[word].inheritable = (uint32_t)(rights->inheritable >> 32 * word);
    }
    int before = errno, reason = syscall(SYS_capset, &header, data) == 0 ? 0 : errno;
    errno = before;
    return reason;
}

void pt_limit_rights(void) {
    // A number that the kernel does not know ends it.
    for (int number = 0; number < 64 && prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; number++)
        prctl(PR_CAPBSET_DROP, number, 0, 0, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

int pt_is_secure(void) { return getauxval(AT_SECURE) != 0; }

char **pt_first_environment;

// Before main: unsetenv(3) moves what is left within the list that it finds, so this is another list of the same strings.
__attribute__((constructor)) static void keep_environment(void) {
    size_t count = 0;
    while (environ[count]) count++;
    pt_first_environment = calloc(count + 1, sizeof *pt_first_environment);
    if (pt_first_environment) memcpy(pt_first_environment, environ, count * sizeof *pt_first_environment);
}

const char *pt_first_variable(int number) { return pt_first_environment ? pt_first_environment[number] : NULL; }
