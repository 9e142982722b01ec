/*
 * Interrupts the addon's system calls, for the tests of abuse: preloaded, it answers EINTR to every call that may be
 * answered so, and lets the same thread's next one through; so whoever does not repeat loses that call. Beside it a thread
 * sends every thread of the process a signal without SA_RESTART again and again, for what the kernel itself breaks off.
 *
 * What it is not: a fault injector for the process. Calls of Node, libuv and glibc go through; those of close, too, because
 * Linux has closed whatever it says. An eventfd that does not wait is never interrupted.
 *
 * The file INTERRUPTS_FILE counts: 8 bytes of calls answered EINTR, 8 bytes of signals that arrived.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* Between two rounds of signals. */
#define ROUND_NS 2000000

static uint64_t before_start[2];
static uint64_t *counts = before_start;
static __thread char was_interrupted;

/* Whether this call of `caller` is answered EINTR. */
static int interrupts(void *caller) {
  Dl_info found;
  if (!dladdr(caller, &found) || !found.dli_fname || !strstr(found.dli_fname, ".node")) return 0;
  was_interrupted = !was_interrupted;
  if (!was_interrupted) return 0;
  __atomic_fetch_add(&counts[0], 1, __ATOMIC_RELAXED);
  errno = EINTR;
  return 1;
}

/* An eventfd, a ring, an epoll: no file type at all. */
static int is_anonymous(int file) {
  struct stat status;
  return fstat(file, &status) == 0 && (status.st_mode & S_IFMT) == 0;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define INTERRUPTED(result, name, parameters, arguments)          \
  result name parameters {                                        \
    if (interrupts(__builtin_return_address(0))) return -1;       \
    return NEXT(name) arguments;                                  \
  }
#define INTERRUPTED_FILE(result, name, parameters, arguments)     \
  result name parameters {                                        \
    if (!is_anonymous(file) && interrupts(__builtin_return_address(0))) return -1; \
    return NEXT(name) arguments;                                  \
  }

INTERRUPTED_FILE(ssize_t, read, (int file, void *to, size_t length), (file, to, length))
INTERRUPTED_FILE(ssize_t, write, (int file, const void *from, size_t length), (file, from, length))
INTERRUPTED(ssize_t, pread, (int file, void *to, size_t length, off_t at), (file, to, length, at))
INTERRUPTED(ssize_t, pread64, (int file, void *to, size_t length, off64_t at), (file, to, length, at))
INTERRUPTED(ssize_t, writev, (int file, const struct iovec *from, int number), (file, from, number))
INTERRUPTED(ssize_t, pwritev, (int file, const struct iovec *from, int number, off_t at), (file, from, number, at))
INTERRUPTED(int, fsync, (int file), (file))
INTERRUPTED(int, fdatasync, (int file), (file))
INTERRUPTED(int, ftruncate, (int file, off_t length), (file, length))
INTERRUPTED(int, ftruncate64, (int file, off64_t length), (file, length))
INTERRUPTED(int, fallocate, (int file, int mode, off_t at, off_t length), (file, mode, at, length))
INTERRUPTED(int, flock, (int file, int operation), (file, operation))
INTERRUPTED(int, poll, (struct pollfd *files, nfds_t number, int wait), (files, number, wait))
INTERRUPTED(int, ppoll, (struct pollfd *files, nfds_t number, const struct timespec *wait, const sigset_t *mask),
            (files, number, wait, mask))
INTERRUPTED(int, accept4, (int file, struct sockaddr *from, socklen_t *length, int flags), (file, from, length, flags))
INTERRUPTED(int, connect, (int file, const struct sockaddr *to, socklen_t length), (file, to, length))
INTERRUPTED(ssize_t, recv, (int file, void *to, size_t length, int flags), (file, to, length, flags))
INTERRUPTED(ssize_t, send, (int file, const void *from, size_t length, int flags), (file, from, length, flags))
INTERRUPTED(ssize_t, sendfile, (int to, int file, off_t *at, size_t length), (to, file, at, length))
INTERRUPTED(ssize_t, splice, (int file, off64_t *at, int to, off64_t *to_at, size_t length, unsigned flags),
            (file, at, to, to_at, length, flags))
INTERRUPTED(ssize_t, tee, (int file, int to, size_t length, unsigned flags), (file, to, length, flags))

/* The mode of a file that may be made; what was not given is not used. */
#define MODE_AFTER(flags, mode)      \
  unsigned mode;                     \
  va_list rest;                      \
  va_start(rest, flags);             \
  mode = va_arg(rest, unsigned);     \
  va_end(rest)

int open(const char *path, int flags, ...) {
  MODE_AFTER(flags, mode);
  if (interrupts(__builtin_return_address(0))) return -1;
  return (int)NEXT(syscall)(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  MODE_AFTER(flags, mode);
  if (interrupts(__builtin_return_address(0))) return -1;
  return (int)NEXT(syscall)(SYS_openat, AT_FDCWD, path, flags, mode);
}

int openat(int at, const char *path, int flags, ...) {
  MODE_AFTER(flags, mode);
  if (interrupts(__builtin_return_address(0))) return -1;
  return (int)NEXT(syscall)(SYS_openat, at, path, flags, mode);
}

/* io_uring's calls, copy_file_range, preadv2 and pwritev2 come this way. Setting up and registering are not interrupted. */
long syscall(long number, ...) {
  long a[6];
  va_list rest;
  va_start(rest, number);
  for (int at = 0; at < 6; at += 1) a[at] = va_arg(rest, long);
  va_end(rest);
  int may = number == SYS_io_uring_enter || number == SYS_copy_file_range || number == SYS_pwritev2 ||
            number == SYS_preadv2 || number == SYS_openat2;
  if (may && interrupts(__builtin_return_address(0))) return -1;
  return NEXT(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static void on_signal(int number) {
  (void)number;
  __atomic_fetch_add(&counts[1], 1, __ATOMIC_RELAXED);
}

/* Sends every other thread a signal, round after round, for as long as the process lives. */
static void *storm(void *unused) {
  (void)unused;
  const struct timespec round = {0, ROUND_NS};
  const pid_t process = getpid();
  const long self = NEXT(syscall)(SYS_gettid);
  for (;;) {
    DIR *threads = opendir("/proc/self/task");
    for (struct dirent *one; threads && (one = readdir(threads));) {
      const long thread = strtol(one->d_name, NULL, 10);
      if (thread > 0 && thread != self) NEXT(syscall)(SYS_tgkill, process, thread, SIGRTMIN + 7);
    }
    if (threads) closedir(threads);
    nanosleep(&round, NULL);
  }
  return NULL;
}

__attribute__((constructor)) static void start(void) {
  const char *path = getenv("INTERRUPTS_FILE");
  int file = path ? open(path, O_RDWR) : -1;
  if (file < 0) return;
  void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (page != MAP_FAILED) counts = page;
  close(file);
  /* No SA_RESTART: what waits is broken off. */
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGRTMIN + 7, &action, NULL);
  pthread_t thread;
  pthread_create(&thread, NULL, storm, NULL);
}
