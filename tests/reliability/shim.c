/* Stands between the program and the disk: counts every call that changes it below one folder, and at call N kills,
 * tears, or fails it. With a trace file, every such call is written there with its data, for simulated power cuts.
 *
 *   cc -shared -fPIC -O1 -o shim.so shim.c -ldl -lpthread ;  LD_PRELOAD=shim.so program
 *
 * Nothing is done until pvc_arm. Calls are taken one at a time while armed, so that their order is one.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OFF, COUNT, KILL_BEFORE, KILL_AFTER, TEAR, FAIL_ONCE, FAIL_FROM };
enum { PASS = 0, DIE_AFTER, HALF, FAIL };

#define KINDS_MAX 200000
static char root[4096];
static size_t root_length;
static int mode = OFF, failure = 0, trace = -1;
static long target = 0, counted = 0, failed = 0;
static char kinds[KINDS_MAX];
static pid_t owner = 0;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) ({ static __typeof__(&name) real_; if (!real_) real_ = (__typeof__(&name))dlsym(RTLD_NEXT, #name); real_; })

static void die(void) {
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
}

/* --- which path ---------------------------------------------------------------------------------------------- */

static int below(const char *path) {
    return root_length && strncmp(path, root, root_length) == 0 &&
           (path[root_length] == '/' || path[root_length] == 0);
}

static int of_fd(int fd, char *out) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t got = syscall(SYS_readlinkat, AT_FDCWD, link, out, 4095);
    if (got < 0) return 0;
    out[got] = 0;
    return below(out);
}

static int of_path(int dir, const char *path, char *out) {
    if (!path) return 0;
    if (path[0] == '/') {
        snprintf(out, 4096, "%s", path);
    } else {
        char base[4096];
        if (dir == AT_FDCWD) {
            if (syscall(SYS_getcwd, base, sizeof base) < 0) return 0;
        } else {
            char link[64];
            snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
            ssize_t got = syscall(SYS_readlinkat, AT_FDCWD, link, base, 4095);
            if (got < 0) return 0;
            base[got] = 0;
        }
        if (strncmp(path, "./", 2) == 0) path += 2;
        snprintf(out, 4096, "%.2047s/%.2047s", base, path);
    }
    return below(out);
}

static int watching(void) { return mode != OFF && getpid() == owner; }

/* --- what happens at this call --------------------------------------------------------------------------------- */

/* Kinds: c create, w write, r rename, l link, m mkdir, u unlink or rmdir, s sync, t truncate, a attributes. */
static int full_disk_refuses(char kind) { return strchr("cwrlms", kind) != NULL; }

static int decide(char kind) {
    long number = ++counted;
    if (number <= KINDS_MAX) kinds[number - 1] = kind;
    switch (mode) {
    case KILL_BEFORE: if (number == target) die(); break;
    case KILL_AFTER: if (number == target) return DIE_AFTER; break;
    case TEAR: if (number == target) return kind == 'w' ? HALF : DIE_AFTER; break;
    case FAIL_ONCE:
    case FAIL_FROM:
        if ((mode == FAIL_ONCE ? number == target : number >= target) &&
            (failure != ENOSPC || full_disk_refuses(kind))) {
            failed++;
            return FAIL;
        }
        break;
    }
    return PASS;
}

/* --- the trace: u32 length of the rest, u8 op, u8 0, u16 0, i64 a, i64 b, u32 + path, u32 + other, data ---------- */

static void record(char op, int64_t a, int64_t b, const char *path, const char *other, const void *data, size_t size) {
    if (trace < 0) return;
    uint32_t first = path ? strlen(path) : 0, second = other ? strlen(other) : 0;
    uint32_t total = 4 + 8 + 8 + 4 + first + 4 + second + size;
    char *frame = malloc(4 + total), *at = frame;
    memcpy(at, &total, 4), at += 4;
    memset(at, 0, 4), at[0] = op, at += 4;
    memcpy(at, &a, 8), at += 8;
    memcpy(at, &b, 8), at += 8;
    memcpy(at, &first, 4), at += 4;
    memcpy(at, path, first), at += first;
    memcpy(at, &second, 4), at += 4;
    if (second) memcpy(at, other, second), at += second;
    if (size) memcpy(at, data, size);
    for (size_t done = 0; done < 4 + total;) {
        ssize_t put = syscall(SYS_write, trace, frame + done, 4 + total - done);
        if (put <= 0) break;
        done += put;
    }
    free(frame);
}

/* What the disk holds at a place after a copy inside the kernel. */
static void record_copied(int fd, off_t at, ssize_t size, const char *path) {
    if (trace < 0 || size <= 0) return;
    char *data = malloc(size);
    int again = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY);
    ssize_t got = again < 0 ? -1 : syscall(SYS_pread64, again, data, size, at);
    if (again >= 0) syscall(SYS_close, again);
    if (got > 0) record('w', at, got, path, NULL, data, got);
    free(data);
    (void)fd;
}

static off_t position(int fd) {
    if (fcntl(fd, F_GETFL) & O_APPEND) {
        struct stat info;
        return fstat(fd, &info) == 0 ? info.st_size : 0;
    }
    return syscall(SYS_lseek, fd, 0, SEEK_CUR);
}

/* --- for the harness ----------------------------------------------------------------------------------------------- */

void pvc_arm(const char *folder, int how, long n, int error) {
    snprintf(root, sizeof root, "%s", folder);
    root_length = strlen(root);
    mode = how, target = n, failure = error, counted = 0, failed = 0, owner = getpid();
}
void pvc_disarm(void) { mode = OFF; }
long pvc_count(void) { return counted; }
long pvc_failed(void) { return failed; }
const char *pvc_kinds(void) {
    kinds[counted < KINDS_MAX ? counted : KINDS_MAX - 1] = 0;
    return kinds;
}
void pvc_trace(int fd) { trace = fd; }
void pvc_mark(const char *text) {
    pthread_mutex_lock(&turn);
    record('!', counted, 0, text, NULL, NULL, 0);
    pthread_mutex_unlock(&turn);
}

/* --- the calls ------------------------------------------------------------------------------------------------------- */

/* Does `call` in its turn. `after` runs when it went well, before the process may be killed. */
#define DO(type, kind, call, after)                                \
    ({                                                             \
        pthread_mutex_lock(&turn);                                 \
        int what_ = decide(kind);                                  \
        type result_;                                              \
        if (what_ == FAIL) {                                       \
            pthread_mutex_unlock(&turn);                           \
            errno = failure;                                       \
            return -1;                                             \
        }                                                          \
        result_ = call;                                            \
        int error_ = errno;                                        \
        if (result_ >= 0) { after; }                               \
        if (what_ != PASS) die();                                  \
        pthread_mutex_unlock(&turn);                               \
        errno = error_;                                            \
        result_;                                                   \
    })

#define OPEN_BODY(real_call, dir)                                                                          \
    mode_t how = 0;                                                                                        \
    if (flags & (O_CREAT | O_TMPFILE)) {                                                                   \
        va_list rest;                                                                                      \
        va_start(rest, flags);                                                                             \
        how = va_arg(rest, mode_t);                                                                        \
        va_end(rest);                                                                                      \
    }                                                                                                      \
    char full[4096];                                                                                       \
    if (!watching() || !(flags & (O_CREAT | O_TRUNC)) || !of_path(dir, path, full)) return real_call;      \
    struct stat info;                                                                                      \
    int there = syscall(SYS_newfstatat, AT_FDCWD, full, &info, 0) == 0;                                    \
    return DO(int, 'c', real_call, record(there ? 'o' : 'c', flags & O_TRUNC ? 1 : 0, how, full, NULL, NULL, 0));

int open(const char *path, int flags, ...) { OPEN_BODY(REAL(open)(path, flags, how), AT_FDCWD) }
int open64(const char *path, int flags, ...) { OPEN_BODY(REAL(open64)(path, flags, how), AT_FDCWD) }
int openat(int dir, const char *path, int flags, ...) { OPEN_BODY(REAL(openat)(dir, path, flags, how), dir) }
int openat64(int dir, const char *path, int flags, ...) { OPEN_BODY(REAL(openat64)(dir, path, flags, how), dir) }
int creat(const char *path, mode_t how) { return open(path, O_CREAT | O_WRONLY | O_TRUNC, how); }
int creat64(const char *path, mode_t how) { return open(path, O_CREAT | O_WRONLY | O_TRUNC, how); }

#define WRITE_BODY(size, whole, half, at, data)                                                 \
    char full[4096];                                                                            \
    if (!watching() || !of_fd(fd, full)) return whole;                                          \
    pthread_mutex_lock(&turn);                                                                  \
    int what = decide('w');                                                                     \
    if (what == FAIL) {                                                                         \
        pthread_mutex_unlock(&turn);                                                            \
        errno = failure;                                                                        \
        return -1;                                                                              \
    }                                                                                           \
    off_t place = trace >= 0 ? (at) : 0;                                                        \
    if (what == HALF) {                                                                         \
        ssize_t ignored = (half);                                                               \
        (void)ignored;                                                                          \
        die();                                                                                  \
    }                                                                                           \
    ssize_t result = whole;                                                                     \
    int error = errno;                                                                          \
    if (result > 0) { data; }                                                                   \
    if (what != PASS) die();                                                                    \
    pthread_mutex_unlock(&turn);                                                                \
    errno = error;                                                                              \
    return result;

ssize_t write(int fd, const void *bytes, size_t size) {
    WRITE_BODY(size, REAL(write)(fd, bytes, size), REAL(write)(fd, bytes, size / 2), position(fd),
               record('w', place, result, full, NULL, bytes, result))
}
ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at) {
    WRITE_BODY(size, REAL(pwrite)(fd, bytes, size, at), REAL(pwrite)(fd, bytes, size / 2, at), at,
               record('w', place, result, full, NULL, bytes, result))
}
ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at) {
    WRITE_BODY(size, REAL(pwrite64)(fd, bytes, size, at), REAL(pwrite64)(fd, bytes, size / 2, at), at,
               record('w', place, result, full, NULL, bytes, result))
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
    WRITE_BODY(0, REAL(writev)(fd, parts, count), REAL(write)(fd, parts[0].iov_base, parts[0].iov_len / 2),
               position(fd), record_copied(fd, place, result, full))
}
ssize_t sendfile(int fd, int in, off_t *from, size_t size) {
    WRITE_BODY(size, REAL(sendfile)(fd, in, from, size), REAL(sendfile)(fd, in, from, size / 2), position(fd),
               record_copied(fd, place, result, full))
}
ssize_t sendfile64(int fd, int in, off64_t *from, size_t size) {
    WRITE_BODY(size, REAL(sendfile64)(fd, in, from, size), REAL(sendfile64)(fd, in, from, size / 2), position(fd),
               record_copied(fd, place, result, full))
}
ssize_t copy_file_range(int in, off64_t *from, int fd, off64_t *to, size_t size, unsigned flags) {
    WRITE_BODY(size, REAL(copy_file_range)(in, from, fd, to, size, flags),
               REAL(copy_file_range)(in, from, fd, to, size / 2, flags), to ? *to : position(fd),
               record_copied(fd, place, result, full))
}

#define TWO_BODY(kind, op, call, one_dir, one, two_dir, two, flag)                               \
    char full[4096], other[4096];                                                                \
    int first = watching() && of_path(one_dir, one, full);                                       \
    int second = watching() && of_path(two_dir, two, other);                                     \
    if (!first && !second) return call;                                                          \
    return DO(int, kind, call, record(op, flag, 0, full, other, NULL, 0));

int rename(const char *from, const char *to) { TWO_BODY('r', 'r', REAL(rename)(from, to), AT_FDCWD, from, AT_FDCWD, to, 0) }
int renameat(int a, const char *from, int b, const char *to) {
    TWO_BODY('r', 'r', REAL(renameat)(a, from, b, to), a, from, b, to, 0)
}
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) {
    TWO_BODY('r', 'r', REAL(renameat2)(a, from, b, to, flags), a, from, b, to, flags)
}
int link(const char *from, const char *to) { TWO_BODY('l', 'l', REAL(link)(from, to), AT_FDCWD, from, AT_FDCWD, to, 0) }
int linkat(int a, const char *from, int b, const char *to, int flags) {
    TWO_BODY('l', 'l', REAL(linkat)(a, from, b, to, flags), a, from, b, to, 0)
}

#define ONE_BODY(kind, op, call, dir, a)                                                         \
    char full[4096];                                                                             \
    if (!watching() || !of_path(dir, path, full)) return call;                                   \
    return DO(int, kind, call, record(op, a, 0, full, NULL, NULL, 0));

int symlink(const char *text, const char *path) {
    char full[4096];
    if (!watching() || !of_path(AT_FDCWD, path, full)) return REAL(symlink)(text, path);
    return DO(int, 'l', REAL(symlink)(text, path), record('y', 0, 0, full, text, NULL, 0));
}
int symlinkat(const char *text, int dir, const char *path) {
    char full[4096];
    if (!watching() || !of_path(dir, path, full)) return REAL(symlinkat)(text, dir, path);
    return DO(int, 'l', REAL(symlinkat)(text, dir, path), record('y', 0, 0, full, text, NULL, 0));
}
int unlink(const char *path) { ONE_BODY('u', 'u', REAL(unlink)(path), AT_FDCWD, 0) }
int unlinkat(int dir, const char *path, int flags) {
    ONE_BODY('u', flags & AT_REMOVEDIR ? 'd' : 'u', REAL(unlinkat)(dir, path, flags), dir, 0)
}
int remove(const char *path) { ONE_BODY('u', 'u', REAL(remove)(path), AT_FDCWD, 0) }
int rmdir(const char *path) { ONE_BODY('u', 'd', REAL(rmdir)(path), AT_FDCWD, 0) }
int mkdir(const char *path, mode_t how) { ONE_BODY('m', 'm', REAL(mkdir)(path, how), AT_FDCWD, how) }
int mkdirat(int dir, const char *path, mode_t how) { ONE_BODY('m', 'm', REAL(mkdirat)(dir, path, how), dir, how) }
int truncate(const char *path, off_t size) { ONE_BODY('t', 't', REAL(truncate)(path, size), AT_FDCWD, size) }
int chmod(const char *path, mode_t how) { ONE_BODY('a', 'a', REAL(chmod)(path, how), AT_FDCWD, how) }
int fchmodat(int dir, const char *path, mode_t how, int flags) {
    ONE_BODY('a', 'a', REAL(fchmodat)(dir, path, how, flags), dir, how)
}
int utimensat(int dir, const char *path, const struct timespec times[2], int flags) {
    ONE_BODY('a', 'n', REAL(utimensat)(dir, path, times, flags), dir, 0)
}

#define FD_BODY(kind, op, call, a)                                                               \
    char full[4096];                                                                             \
    if (!watching() || !of_fd(fd, full)) return call;                                            \
    return DO(int, kind, call, record(op, a, 0, full, NULL, NULL, 0));

int ftruncate(int fd, off_t size) { FD_BODY('t', 't', REAL(ftruncate)(fd, size), size) }
int ftruncate64(int fd, off64_t size) { FD_BODY('t', 't', REAL(ftruncate64)(fd, size), size) }
int fsync(int fd) { FD_BODY('s', 's', REAL(fsync)(fd), 0) }
int fdatasync(int fd) { FD_BODY('s', 's', REAL(fdatasync)(fd), 0) }
int fchmod(int fd, mode_t how) { FD_BODY('a', 'a', REAL(fchmod)(fd, how), how) }
int futimens(int fd, const struct timespec times[2]) { FD_BODY('a', 'n', REAL(futimens)(fd, times), 0) }
