/* Counts the storage calls of a process on files under one folder, and makes one of them fail.
 *
 * FAULTS_DIR     the folder; calls on other files pass by uncounted
 * FAULTS_LOG     gets a line for each counted call: number, call, file
 * FAULTS_AT      the number of the call that fails, from 1; 0 or missing: none
 * FAULTS_KIND    eio     the call fails with EIO
 *                enospc  the call fails with ENOSPC; one that takes no space passes
 *                short   a write writes half and says so; any other call passes
 *                torn    a write writes half, and the next one fails with EIO; any other call passes
 *                kill    the process gets SIGKILL before the call
 *                full    from this call on, for FAULTS_FOR_MS, all that take space fail with ENOSPC
 *                lie     every fsync and fdatasync says 0 and does nothing, whatever FAULTS_AT is
 *
 * Calls that do not go through the C library (raw system calls, memory maps) are not seen.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum kind { NONE, EIO_ONCE, ENOSPC_ONCE, SHORT, TORN, KILL, FULL, LIE };
/* What a call does, as far as it matters to how it can fail. */
enum call { WRITE, SPACE, SYNC, REMOVE };
/* What is to become of a call. */
enum fate { PASS, FAIL, HALF, SKIP };

static char dir[PATH_MAX];
static size_t dir_length;
static enum kind kind;
static long at;
static long for_ms;
static int log_fd = -1;
static atomic_long calls;
static atomic_llong full_until;
static atomic_int torn;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void begin(void) {
    static const struct { const char *word; enum kind kind; } kinds[] = {
        {"eio", EIO_ONCE}, {"enospc", ENOSPC_ONCE}, {"short", SHORT}, {"torn", TORN},
        {"kill", KILL}, {"full", FULL}, {"lie", LIE},
    };
    const char *value = getenv("FAULTS_DIR");
    if (!value || strlen(value) >= sizeof dir) return;
    strcpy(dir, value);
    dir_length = strlen(dir);
    value = getenv("FAULTS_AT");
    at = value ? atol(value) : 0;
    value = getenv("FAULTS_FOR_MS");
    for_ms = value ? atol(value) : 300;
    value = getenv("FAULTS_KIND");
    for (size_t row = 0; value && row < sizeof kinds / sizeof *kinds; row++)
        if (strcmp(value, kinds[row].word) == 0) kind = kinds[row].kind;
    value = getenv("FAULTS_LOG");
    if (value)
        log_fd = (int)syscall(SYS_openat, AT_FDCWD, value, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static long long now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static int is_ours(const char *path) {
    return dir_length && strncmp(path, dir, dir_length) == 0 &&
           (path[dir_length] == '/' || path[dir_length] == 0);
}

static int of_fd(int fd, char *path, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, size - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return 1;
}

static enum fate fate_of(const char *name, enum call call, const char *path) {
    if (!is_ours(path)) return PASS;
    if (kind == LIE) return call == SYNC ? SKIP : PASS;
    long number = atomic_fetch_add(&calls, 1) + 1;
    if (log_fd >= 0) {
        char line[PATH_MAX + 64];
        int length = snprintf(line, sizeof line, "%ld %s %s\n", number, name, path + dir_length);
        if (length > 0) syscall(SYS_write, log_fd, line, (size_t)length);
    }
    if (kind == FULL && number == at) atomic_store(&full_until, now_ms() + for_ms);
    int takes_space = call == WRITE || call == SPACE;
    if (kind == FULL && takes_space && now_ms() < atomic_load(&full_until)) {
        errno = ENOSPC;
        return FAIL;
    }
    if (call == WRITE && atomic_exchange(&torn, 0)) {
        errno = EIO;
        return FAIL;
    }
    if (at == 0 || number != at) return PASS;
    switch (kind) {
    case EIO_ONCE: errno = EIO; return FAIL;
    case ENOSPC_ONCE: errno = ENOSPC; return takes_space ? FAIL : PASS;
    case SHORT: return call == WRITE ? HALF : PASS;
    case TORN:
        if (call != WRITE) return PASS;
        atomic_store(&torn, 1);
        return HALF;
    case KILL: syscall(SYS_kill, getpid(), SIGKILL); return PASS;
    default: return PASS;
    }
}

static enum fate fate_of_fd(const char *name, enum call call, int fd) {
    char path[PATH_MAX];
    pthread_once(&once, begin);
    if (!dir_length) return PASS;
    int before = errno;
    int known = of_fd(fd, path, sizeof path);
    errno = before;
    return known ? fate_of(name, call, path) : PASS;
}

static enum fate fate_of_path(const char *name, enum call call, int folder, const char *path) {
    char whole[PATH_MAX * 2];
    pthread_once(&once, begin);
    if (!dir_length || !path) return PASS;
    if (path[0] == '/' || folder == AT_FDCWD) return fate_of(name, call, path);
    if (!of_fd(folder, whole, PATH_MAX)) return PASS;
    strcat(whole, "/");
    strncat(whole, path, PATH_MAX - 1);
    return fate_of(name, call, whole);
}

/* Finds the next definition of a function and calls it. */
#define NEXT(type, name, parameters) \
    static type(*next) parameters;   \
    if (!next) next = (type(*) parameters)dlsym(RTLD_NEXT, #name)

#define WRITES(name, parameters, count, arguments, half)                  \
    ssize_t name parameters {                                             \
        NEXT(ssize_t, name, parameters);                                  \
        switch (fate_of_fd(#name, WRITE, fd)) {                           \
        case FAIL: return -1;                                             \
        case HALF: return (count) > 1 ? next half : next arguments;       \
        default: return next arguments;                                   \
        }                                                                 \
    }

WRITES(write, (int fd, const void *bytes, size_t count), count, (fd, bytes, count), (fd, bytes, count / 2))
WRITES(pwrite, (int fd, const void *bytes, size_t count, off_t from), count, (fd, bytes, count, from), (fd, bytes, count / 2, from))
WRITES(pwrite64, (int fd, const void *bytes, size_t count, off64_t from), count, (fd, bytes, count, from), (fd, bytes, count / 2, from))
WRITES(writev, (int fd, const struct iovec *parts, int count), count, (fd, parts, count), (fd, parts, count / 2))
WRITES(pwritev, (int fd, const struct iovec *parts, int count, off_t from), count, (fd, parts, count, from), (fd, parts, count / 2, from))
WRITES(pwritev64, (int fd, const struct iovec *parts, int count, off64_t from), count, (fd, parts, count, from), (fd, parts, count / 2, from))

#define ON_FD(name, call, parameters, arguments)        \
    int name parameters {                               \
        NEXT(int, name, parameters);                    \
        switch (fate_of_fd(#name, call, fd)) {          \
        case FAIL: return -1;                           \
        case SKIP: return 0;                            \
        default: return next arguments;                 \
        }                                               \
    }

ON_FD(fsync, SYNC, (int fd), (fd))
ON_FD(fdatasync, SYNC, (int fd), (fd))
ON_FD(ftruncate, SPACE, (int fd, off_t length), (fd, length))
ON_FD(ftruncate64, SPACE, (int fd, off64_t length), (fd, length))
ON_FD(fallocate, SPACE, (int fd, int mode, off_t from, off_t length), (fd, mode, from, length))
ON_FD(fallocate64, SPACE, (int fd, int mode, off64_t from, off64_t length), (fd, mode, from, length))

/* These two give the error instead of setting it. */
int posix_fallocate(int fd, off_t from, off_t length) {
    NEXT(int, posix_fallocate, (int, off_t, off_t));
    return fate_of_fd("posix_fallocate", SPACE, fd) == FAIL ? errno : next(fd, from, length);
}

int posix_fallocate64(int fd, off64_t from, off64_t length) {
    NEXT(int, posix_fallocate64, (int, off64_t, off64_t));
    return fate_of_fd("posix_fallocate64", SPACE, fd) == FAIL ? errno : next(fd, from, length);
}

#define ON_PATH(name, call, folder, path, parameters, arguments)                      \
    int name parameters {                                                             \
        NEXT(int, name, parameters);                                                  \
        return fate_of_path(#name, call, folder, path) == FAIL ? -1 : next arguments; \
    }

ON_PATH(rename, SPACE, AT_FDCWD, from, (const char *from, const char *to), (from, to))
ON_PATH(renameat, SPACE, old, from, (int old, const char *from, int new, const char *to), (old, from, new, to))
ON_PATH(renameat2, SPACE, old, from, (int old, const char *from, int new, const char *to, unsigned flags), (old, from, new, to, flags))
ON_PATH(unlink, REMOVE, AT_FDCWD, path, (const char *path), (path))
ON_PATH(unlinkat, REMOVE, folder, path, (int folder, const char *path, int flags), (folder, path, flags))
ON_PATH(mkdir, SPACE, AT_FDCWD, path, (const char *path, mode_t mode), (path, mode))
ON_PATH(mkdirat, SPACE, folder, path, (int folder, const char *path, mode_t mode), (folder, path, mode))

#define OPENS(name)                                                              \
    int name(const char *path, int flags, ...) {                                 \
        NEXT(int, name, (const char *, int, ...));                               \
        va_list rest;                                                            \
        va_start(rest, flags);                                                   \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;  \
        va_end(rest);                                                            \
        if (flags & O_CREAT && fate_of_path(#name, SPACE, AT_FDCWD, path) == FAIL) return -1; \
        return next(path, flags, mode);                                          \
    }

#define OPENS_AT(name)                                                           \
    int name(int folder, const char *path, int flags, ...) {                     \
        NEXT(int, name, (int, const char *, int, ...));                          \
        va_list rest;                                                            \
        va_start(rest, flags);                                                   \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;  \
        va_end(rest);                                                            \
        if (flags & O_CREAT && fate_of_path(#name, SPACE, folder, path) == FAIL) return -1; \
        return next(folder, path, flags, mode);                                  \
    }

OPENS(open)
OPENS(open64)
OPENS_AT(openat)
OPENS_AT(openat64)
