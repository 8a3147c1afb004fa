// bpf SECONDS: runs two BPF programs one after the other, each loaded when its half begins and unloaded at its end.
//
// Both have the same length, so that the second may get the first one's memory. Prints how long each ran under the name
// that the kernel gives its code: {"bpf_prog_TAG_first_half": ns, "bpf_prog_TAG_other_half": ns}.
#include "spin.h"
#include <errno.h>
#include <linux/bpf.h>
#include <sys/syscall.h>

static long bpf(int command, union bpf_attr *attributes) {
    return syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

static void die(const char *what) {
    perror(what);
    exit(errno == EPERM ? 77 : 1);
}

static int load(const char *name, int32_t constant) {
    const struct bpf_insn code[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .imm = 4000},
        {.code = BPF_ALU64 | BPF_XOR | BPF_K, .dst_reg = 0, .imm = constant},
        {.code = BPF_ALU64 | BPF_ADD | BPF_X, .dst_reg = 0, .src_reg = 2},
        {.code = BPF_ALU64 | BPF_SUB | BPF_K, .dst_reg = 2, .imm = 1},
        {.code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = 2, .off = -4, .imm = 0},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0},
        {.code = BPF_JMP | BPF_EXIT},
    };
    union bpf_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
    attributes.insns = (uintptr_t)code;
    attributes.insn_cnt = sizeof code / sizeof *code;
    attributes.license = (uintptr_t) "GPL";
    strncpy(attributes.prog_name, name, sizeof attributes.prog_name - 1);
    int program = (int)bpf(BPF_PROG_LOAD, &attributes);
    if (program < 0) die("BPF_PROG_LOAD");
    return program;
}

static void print_name(int program, const char *name) {
    struct bpf_prog_info info;
    union bpf_attr attributes;
    memset(&info, 0, sizeof info);
    memset(&attributes, 0, sizeof attributes);
    attributes.info.bpf_fd = (uint32_t)program;
    attributes.info.info_len = sizeof info;
    attributes.info.info = (uintptr_t)&info;
    if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attributes) != 0) die("BPF_OBJ_GET_INFO_BY_FD");
    printf("\"bpf_prog_");
    for (size_t i = 0; i < sizeof info.tag; i++) printf("%02x", info.tag[i]);
    printf("_%s\": ", name);
}

static int64_t run(int program, double seconds) {
    static char packet[64];
    union bpf_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.test.prog_fd = (uint32_t)program;
    attributes.test.data_in = (uintptr_t)packet;
    attributes.test.data_size_in = sizeof packet;
    attributes.test.repeat = 100;
    int64_t start = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
    int64_t deadline = nanoseconds(CLOCK_MONOTONIC) + (int64_t)(seconds * 1e9);
    while (nanoseconds(CLOCK_MONOTONIC) < deadline)
        if (bpf(BPF_PROG_TEST_RUN, &attributes) != 0) die("BPF_PROG_TEST_RUN");
    return nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - start;
}

int main(int count, char **arguments) {
    double seconds = seconds_argument(count, arguments, 1, 2);
    const char *names[] = {"first_half", "other_half"};
    for (int half = 0; half < 2; half++) {
        int program = load(names[half], 0x55 + half);
        int64_t used = run(program, seconds / 2);
        printf(half == 0 ? "{" : ", ");
        print_name(program, names[half]);
        printf("%lld", (long long)used);
        close(program);
    }
    printf("}\n");
    return 0;
}
