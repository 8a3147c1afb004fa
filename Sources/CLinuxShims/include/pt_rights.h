// Capabilities of the calling thread (capabilities(7)), each a bit of a word, and the environment.
#pragma once
#include <linux/capability.h>
#include <stdint.h>

struct pt_rights {
    uint64_t effective, permitted, inheritable;
};

/// capget(2) of the calling thread. 0, or -1 with errno.
int pt_read_rights(struct pt_rights *rights);

/// capset(2) of the calling thread. 0 or the error's number; errno stays as it is.
int pt_set_rights(const struct pt_rights *rights);

/// Empties the bounding set, where the calling thread may (CAP_SETPCAP), and has no exec(2) give rights from now on
/// (PR_SET_NO_NEW_PRIVS). The calling thread's and its children's, so call it before there are others.
void pt_limit_rights(void);

/// Whether this program's file gave rights that its caller has not: then its environment is not to be trusted (AT_SECURE,
/// getauxval(3)).
int pt_is_secure(void);

/// The environment as this program was started with it, whatever was taken out of it since (environ(7)); ends with NULL.
extern char **pt_first_environment;

/// One variable of it by its number, `NAME=VALUE`; NULL behind the last.
const char *pt_first_variable(int number);
