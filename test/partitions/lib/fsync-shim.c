/*
 * A disk that fails to fsync, for one process: loaded with LD_PRELOAD it stands before libc's fsync and fdatasync. While the
 * file named by FSYNC_FAILS exists, files below FSYNC_FOLDER cannot be synced (EIO); each refusal adds a byte to that file, so
 * that a test sees that the process really came by here. Needs no headers and no libc to link: any C compiler will do.
 */
extern char *getenv(const char *);
extern int access(const char *, int);
extern long readlink(const char *, char *, unsigned long);
extern int open(const char *, int, ...);
extern long write(int, const void *, unsigned long);
extern int close(int);
extern int snprintf(char *, unsigned long, const char *, ...);
extern int strncmp(const char *, const char *, unsigned long);
extern unsigned long strlen(const char *);
extern long syscall(long, ...);
extern int *__errno_location(void);

#define ERROR_IO 5
#define WRITE_ONLY 1
#define APPEND 02000

#if defined(__x86_64__)
#define SYSCALL_FSYNC 74
#define SYSCALL_FDATASYNC 75
#elif defined(__aarch64__)
#define SYSCALL_FSYNC 82
#define SYSCALL_FDATASYNC 83
#else
#error "say which numbers fsync and fdatasync have on this machine"
#endif

static int refused(int fd) {
  const char *flag = getenv("FSYNC_FAILS"), *folder = getenv("FSYNC_FOLDER");
  char link[64], path[4096];
  long length;
  int out;
  if (!flag || !folder || access(flag, 0) != 0) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  length = readlink(link, path, sizeof path - 1);
  if (length < 0 || (unsigned long)length < strlen(folder) || strncmp(path, folder, strlen(folder)) != 0) return 0;
  /* Not created here: it may just have been taken away. */
  out = open(flag, WRITE_ONLY | APPEND);
  if (out >= 0) {
    write(out, "x", 1);
    close(out);
  }
  *__errno_location() = ERROR_IO;
  return 1;
}

int fsync(int fd) { return refused(fd) ? -1 : (int)syscall(SYSCALL_FSYNC, fd); }
int fdatasync(int fd) { return refused(fd) ? -1 : (int)syscall(SYSCALL_FDATASYNC, fd); }
