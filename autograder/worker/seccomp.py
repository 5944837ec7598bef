"""The system calls that Linux refuses to the worker once a student's code may run.

Landlock knows files, TCP and signals. Everything else that reaches beyond a process (a
child, a socket of another kind, another process's limits or memory) is a system call as
well, and a seccomp filter refuses a call by its number and its arguments. The filter is a
program for the kernel's small BPF machine; it holds for all threads and cannot be taken
back. No privilege and no library is needed for it.
"""

import errno
import os
import struct
import sys

#: Calls that always end in EPERM: name, number on x86_64, number on aarch64. The worker is
#: done with Landlock's and this filter's own by then: of either kind a program may heap up
#: rules, in the kernel's memory, that hold removed files.
REFUSED = """
    fork 57 -               vfork 58 -              execve 59 221
    execveat 322 281        unshare 272 97          setns 308 268
    socket 41 198           socketpair 53 199       mq_open 240 180
    memfd_create 319 279    memfd_secret 447 447    shmget 29 194
    shmat 30 196            msgget 68 186           semget 64 190
    ptrace 101 117          process_vm_readv 310 270
    process_vm_writev 311 271                       process_madvise 440 440
    process_mrelease 448 448                        kcmp 312 272
    pidfd_open 434 434      pidfd_getfd 438 438     pidfd_send_signal 424 424
    tkill 200 130           migrate_pages 256 238   move_pages 279 239
    io_uring_setup 425 425  io_uring_enter 426 426  io_uring_register 427 427
    bpf 321 280             perf_event_open 298 241 userfaultfd 323 282
    add_key 248 217         request_key 249 218     keyctl 250 219
    mount 165 40            umount2 166 39          pivot_root 155 41
    chroot 161 51           open_tree 428 428       move_mount 429 429
    fsopen 430 430          fsconfig 431 431        fsmount 432 432
    fspick 433 433          mount_setattr 442 442   open_tree_attr 467 467
    statmount 457 457       listmount 458 458       listns 470 470
    swapon 167 224          swapoff 168 225         acct 163 89
    quotactl 179 60         quotactl_fd 443 443     fanotify_init 300 262
    name_to_handle_at 303 264                       open_by_handle_at 304 265
    init_module 175 105     finit_module 313 273    delete_module 176 106
    kexec_load 246 104      kexec_file_load 320 294 reboot 169 142
    settimeofday 164 170    clock_settime 227 112   clock_adjtime 305 266
    adjtimex 159 171        sethostname 170 161     setdomainname 171 162
    syslog 103 116          iopl 172 -              ioperm 173 -
    inotify_add_watch 254 27                        vhangup 153 58
    mq_unlink 241 181       shmctl 31 195           semctl 66 191
    semop 65 193            semtimedop 220 192      msgctl 71 187
    msgsnd 69 189           msgrcv 70 188           mknod 133 -
    mknodat 259 33          fallocate 285 47        flock 73 32
    landlock_create_ruleset 444 444                 landlock_add_rule 445 445
    landlock_restrict_self 446 446                  seccomp 317 277
    io_setup 206 0          sync 162 81             syncfs 306 267
    sched_setscheduler 144 119                      sched_setparam 142 118
    sched_setattr 314 274
"""

#: Calls that change a file's mode, owner, times and attributes: Landlock lets them pass,
#: whosever file it is.
METADATA = """
    chmod 90 -              fchmod 91 52            fchmodat 268 53
    fchmodat2 452 452       chown 92 -              lchown 94 -
    fchown 93 55            fchownat 260 54         utime 132 -
    utimes 235 -            futimesat 261 -         utimensat 280 88
    setxattr 188 5          lsetxattr 189 6         fsetxattr 190 7
    removexattr 197 14      lremovexattr 198 15     fremovexattr 199 16
    setxattrat 463 463      removexattrat 466 466   file_setattr 469 469
"""

#: Calls whose arguments decide; the rules for them are in ``program``.
CHECKED = """
    clone 56 220            clone3 435 435          fcntl 72 25
    ioctl 16 29             close_range 436 436
    kill 62 129             tgkill 234 131          rt_sigqueueinfo 129 138
    rt_tgsigqueueinfo 297 240                       prlimit64 302 261
    setpriority 141 140     ioprio_set 251 30       sched_setaffinity 203 122
    prctl 157 167           exit 60 93              exit_group 231 94
"""

#: Machines that have a filter: the column above, and the kernel's AUDIT_ARCH number.
MACHINES = {"x86_64": (1, 0xC000003E), "aarch64": (2, 0xC00000B7)}

# Numbers of linux/seccomp.h, linux/sched.h, linux/fcntl.h and linux/prctl.h.
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_SET_MODE_FILTER, _ALL_THREADS, _AT_FULL_SPEED, _PR_SET_NO_NEW_PRIVS = 1, 1, 4, 38
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_CLONE_FILES, _CLONE_THREAD, _NEW_NAMESPACES = 0x00000400, 0x00010000, 0x7E020000
_CLOSE_RANGE_CLOEXEC = 4
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP = 1, 4, 22
#: What the worker may ask of a descriptor: copies, flags, sizes; no owner, who gets its
#: signals; no lease and no lock, which make other processes wait; no larger pipe.
_FCNTL = {
    "F_DUPFD": 0,
    "F_GETFD": 1,
    "F_SETFD": 2,
    "F_GETFL": 3,
    "F_SETFL": 4,
    "F_DUPFD_CLOEXEC": 1030,
    "F_GETPIPE_SZ": 1032,
    "F_GET_SEALS": 1034,
}
#: What Python asks of a file: whether it is a terminal, of what size, how much there is to
#: read; and to close it for children, and not to wait for it.
_IOCTL = {
    "TCGETS": 0x5401,
    "TCGETS2": 0x802C542A,
    "TIOCGWINSZ": 0x5413,
    "FIONREAD": 0x541B,
    "FIONBIO": 0x5421,
    "FIONCLEX": 0x5450,
    "FIOCLEX": 0x5451,
}
#: How far a worker may stand back behind others.
_NICEST = 5
#: What a shell, and bubblewrap, say of a process that one of the signals 1, 2, 9 and 15
#: ended: a file whose worker was killed from outside is graded again.
_AS_IF_KILLED = (129, 130, 137, 143)
_X32 = 0x40000000
# The instructions of BPF that are used, and where the kernel puts what they read.
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_AND = 0x54
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16

Instruction = tuple[int, int, int, int]
_REFUSE: Instruction = (_RETURN, 0, 0, _ERROR | errno.EPERM)
_PASS: Instruction = (_RETURN, 0, 0, _ALLOW)

#: Threads with the same descriptors, and no process or name space of its own.
_CLONE: list[Instruction] = [
    (_LOAD, 0, 0, _ARGUMENTS),
    (_ANY_BIT, 2, 0, _NEW_NAMESPACES),
    (_ANY_BIT, 0, 1, _CLONE_THREAD),
    (_ANY_BIT, 1, 0, _CLONE_FILES),
    _REFUSE,
    _PASS,
]
#: Of an exit status the low byte is told; libc crashes where it may not exit.
_EXIT: list[Instruction] = [
    (_LOAD, 0, 0, _ARGUMENTS),
    (_AND, 0, 0, 0xFF),
    *((_EQUAL, 4 - i, 0, status) for i, status in enumerate(_AS_IF_KILLED)),
    _PASS,
    _REFUSE,
]
#: The worker ends with its judge, and its open files can be counted; both stay so.
_PRCTL: list[Instruction] = [
    (_LOAD, 0, 0, _ARGUMENTS),
    (_EQUAL, 2, 0, _PR_SET_PDEATHSIG),
    (_EQUAL, 1, 0, _PR_SET_DUMPABLE),
    (_EQUAL, 0, 1, _PR_SET_SECCOMP),
    _REFUSE,
    _PASS,
]


def numbers(table: str, machine: str) -> dict[str, int]:
    """Return the calls of a table that a machine has, by name."""
    words, column = table.split(), MACHINES[machine][0]
    found = zip(words[::3], words[column::3], strict=True)
    return {name: int(number) for name, number in found if number != "-"}


def program(machine: str, own: int) -> list[Instruction]:
    """Return the filter for a machine and the process ``own`` as BPF instructions."""
    start = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, MACHINES[machine][1]),
        _REFUSE,
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32),
        _REFUSE,
    ]
    refused = [
        instruction
        for number in numbers(REFUSED + METADATA, machine).values()
        for instruction in ((_EQUAL, 0, 1, number), _REFUSE)
    ]
    rules = _rules(own)
    checked = [
        instruction
        for name, number in numbers(CHECKED, machine).items()
        for instruction in ((_EQUAL, 0, len(rules[name]), number), *rules[name])
    ]
    return [*start, *refused, *checked, _PASS]


def _rules(own: int) -> dict[str, list[Instruction]]:
    """Return what follows each call of ``CHECKED``: itself alone, where it names a
    process; a few commands, where it takes many. Only the low half of an argument is read,
    like the kernel does for these."""
    itself = [*_only(0, 0, own), _PASS]
    signal = [*_only(0, own), _PASS]
    return {
        "clone": _CLONE,
        "prctl": _PRCTL,
        **dict.fromkeys(("exit", "exit_group"), _EXIT),
        # Its arguments are out of reach; libc then makes its threads by clone.
        "clone3": [(_RETURN, 0, 0, _ERROR | errno.ENOSYS)],
        "fcntl": [*_only(1, *_FCNTL.values()), _PASS],
        "ioctl": [*_only(1, *_IOCTL.values()), _PASS],
        # No table of descriptors of a thread's own, in which it may have as many again.
        "close_range": [*_only(2, 0, _CLOSE_RANGE_CLOEXEC), _PASS],
        **dict.fromkeys(
            ("kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"), signal
        ),
        **dict.fromkeys(("prlimit64", "sched_setaffinity"), itself),
        # Whoever runs only where nobody else does is waited for, and for no time of its own.
        "setpriority": [
            *(*_only(0, 0), *_only(1, 0, own)),
            *((_LOAD, 0, 0, _ARGUMENTS + 16), (_AT_LEAST, 0, 1, _NICEST + 1)),
            *(_REFUSE, _PASS),
        ],
        "ioprio_set": [*_only(0, 1), *_only(1, 0, own), _PASS],
    }


def _only(argument: int, *values: int) -> list[Instruction]:
    """Refuse every value of an argument but these."""
    equal = [(_EQUAL, len(values) - i, 0, value) for i, value in enumerate(values)]
    return [(_LOAD, 0, 0, _ARGUMENTS + 8 * argument), *equal, _REFUSE]


def install() -> bool:
    """Filter this process's system calls from now on. Return whether this kernel does it;
    nothing is refused where it does not, or where the numbers are not known."""
    machine = os.uname().machine if sys.platform == "linux" else ""
    # A 32-bit Python makes other calls than its 64-bit kernel's.
    if machine not in MACHINES or sys.maxsize < 2**32:
        return False
    import ctypes

    code = program(machine, os.getpid())
    packed = b"".join(struct.pack("=HBBI", *instruction) for instruction in code)
    kept = ctypes.create_string_buffer(packed, len(packed))
    header = struct.pack("@HP", len(code), ctypes.addressof(kept))
    libc = ctypes.CDLL(None, use_errno=True)
    # The kernel asks for it: no program that is run later may gain privileges.
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    # Older kernels would also turn speculative execution off, which costs time.
    return any(
        libc.syscall(_SECCOMP[machine], _SET_MODE_FILTER, flags, header) == 0
        for flags in (_ALL_THREADS | _AT_FULL_SPEED, _ALL_THREADS)
    )
