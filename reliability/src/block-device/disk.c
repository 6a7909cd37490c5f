/*
 * A disk that remembers. A FUSE file system with three files, all of them in memory:
 *
 *   disk     the blocks. A loop device stands on it, a real file system on that. With the log on, every write and
 *            every flush that reaches it is appended to the log.
 *   notes    what is written here goes into the same log, so that its order among the writes is certain.
 *   control  orders, one for each write: a struct order, and its bytes.
 *
 * The blocks are in two layers. The harness lays out a base; what the device is told to write goes over it, and is
 * dropped again by one order. So the same state can be mounted, written to, and be there as before.
 *
 * One thread serves all requests: the order in the log is the order in which they were carried out. There is no cache
 * between the loop device and here (direct_io), and a request is answered only once it is in the log.
 *
 *   disk <mount point> <bytes of the disk>
 */
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* Of a page cache, so that a block is rarely written in two parts. */
#define PAGE 4096u
/* One request of the kernel carries at most so many bytes. */
#define REQUEST_MAX (1u << 20)

/* Kinds of entries of the log; block-log.ts reads them. */
enum kind { WRITE = 1, ZEROS = 2, FLUSH = 3, NOTE = 4, FAILED_WRITE = 5, FAILED_FLUSH = 6 };

/* In the log this stands before the bytes of each entry. */
struct entry {
  uint32_t kind;
  uint32_t length;
  uint64_t offset;
};

/* Orders of the harness; block-device.ts gives them. */
enum what {
  BASE = 1,    /* these bytes belong to the base */
  OVER = 2,    /* these bytes stand over it */
  DROP = 3,    /* drop what stands over the base */
  CLEAR = 4,   /* drop all */
  LOG = 5,     /* from here on log to the file of this name; to none if it is empty */
  FAIL = 6,    /* the write (length 1) or flush (length 2) that is offset-th from here on fails once; 0 for none */
};

struct order {
  uint32_t what;
  uint32_t length;
  uint64_t offset;
};

static uint64_t disk_bytes;
static uint64_t page_count;
/* Absent pages are zeros in the base, and not there in the layer over it. */
static uint8_t **base;
static uint8_t **over;
/* Which pages are in the layer, so that dropping it costs what was written. */
static uint64_t *laid;
static uint64_t laid_count;
static int log_file = -1;
/* The write and the flush that are to fail, counted down. */
static uint64_t fail_write;
static uint64_t fail_flush;
static const uint8_t zeros[REQUEST_MAX];

static void *must(void *memory) {
  if (memory == NULL) abort();
  return memory;
}

static uint8_t *page_over(uint64_t number) {
  if (over[number] == NULL) {
    over[number] = must(malloc(PAGE));
    memcpy(over[number], base[number] == NULL ? zeros : base[number], PAGE);
    laid[laid_count++] = number;
  }
  return over[number];
}

static uint8_t *page_of_base(uint64_t number) {
  if (base[number] == NULL) base[number] = must(calloc(1, PAGE));
  return base[number];
}

static void put(uint8_t *(*page)(uint64_t), const uint8_t *bytes, uint64_t length, uint64_t offset) {
  while (length > 0) {
    uint64_t within = offset % PAGE;
    uint64_t count = length < PAGE - within ? length : PAGE - within;
    uint64_t number = offset / PAGE;
    /* XFS zeroes megabytes of zeros in its log with every recovery. */
    if (over[number] != NULL || base[number] != NULL || memcmp(bytes, zeros, count) != 0) {
      memcpy(page(number) + within, bytes, count);
    }
    bytes += count;
    offset += count;
    length -= count;
  }
}

static void drop(void) {
  while (laid_count > 0) {
    uint64_t number = laid[--laid_count];
    free(over[number]);
    over[number] = NULL;
  }
}

static void clear(void) {
  drop();
  for (uint64_t number = 0; number < page_count; number += 1) {
    free(base[number]);
    base[number] = NULL;
  }
}

/* A log with a hole in it proves nothing: without room for it, the device stops. */
static void record(uint32_t kind, const void *bytes, uint32_t length, uint64_t offset) {
  if (log_file < 0) return;
  struct entry entry = {kind, length, offset};
  size_t stored = kind == ZEROS || kind == FAILED_WRITE ? 0 : length;
  struct iovec parts[] = {{&entry, sizeof entry}, {(void *)bytes, stored}};
  if (writev(log_file, parts, stored == 0 ? 1 : 2) != (ssize_t)(sizeof entry + stored)) {
    perror("the block log");
    abort();
  }
}

/* Whether this one is the one that is to fail. */
static int fails(uint64_t *countdown) {
  return *countdown > 0 && --*countdown == 0;
}

static int write_disk(const char *bytes, size_t length, uint64_t offset) {
  if (length > REQUEST_MAX || offset > disk_bytes || length > disk_bytes - offset) return -EINVAL;
  if (fails(&fail_write)) {
    record(FAILED_WRITE, NULL, length, offset);
    return -EIO;
  }
  record(memcmp(bytes, zeros, length) == 0 ? ZEROS : WRITE, bytes, length, offset);
  put(page_over, (const uint8_t *)bytes, length, offset);
  return length;
}

static int obey(const char *bytes, size_t length) {
  struct order order;
  if (length < sizeof order) return -EINVAL;
  memcpy(&order, bytes, sizeof order);
  const char *rest = bytes + sizeof order;
  size_t count = length - sizeof order;
  switch (order.what) {
    case BASE:
    case OVER:
      if (order.offset > disk_bytes || count > disk_bytes - order.offset) return -EINVAL;
      put(order.what == BASE ? page_of_base : page_over, (const uint8_t *)rest, count, order.offset);
      return length;
    case DROP:
      drop();
      return length;
    case CLEAR:
      clear();
      return length;
    case LOG: {
      if (log_file >= 0) close(log_file);
      log_file = -1;
      if (count == 0) return length;
      char *path = must(strndup(rest, count));
      log_file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
      free(path);
      return log_file < 0 ? -errno : (int)length;
    }
    case FAIL:
      fail_write = order.length == 1 ? order.offset : 0;
      fail_flush = order.length == 2 ? order.offset : 0;
      return length;
    default:
      return -EINVAL;
  }
}

/* The files, by their place here; the place is the handle of an open one. */
static const char *const names[] = {"/disk", "/notes", "/control"};
enum file { DISK, NOTES, CONTROL, FILES };

static int file_of(const char *path) {
  int file = 0;
  while (file < FILES && strcmp(path, names[file]) != 0) file += 1;
  return file;
}

static int on_getattr(const char *path, struct stat *stat, struct fuse_file_info *info) {
  (void)info;
  memset(stat, 0, sizeof *stat);
  if (strcmp(path, "/") == 0) {
    stat->st_mode = S_IFDIR | 0700;
    stat->st_nlink = 2;
    return 0;
  }
  int file = file_of(path);
  if (file == FILES) return -ENOENT;
  stat->st_mode = S_IFREG | 0600;
  stat->st_nlink = 1;
  stat->st_size = file == DISK ? (off_t)disk_bytes : 0;
  return 0;
}

static int on_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset,
                      struct fuse_file_info *info, enum fuse_readdir_flags flags) {
  (void)path, (void)offset, (void)info, (void)flags;
  for (int file = 0; file < FILES; file += 1) fill(buffer, names[file] + 1, NULL, 0, 0);
  return 0;
}

static int on_open(const char *path, struct fuse_file_info *info) {
  int file = file_of(path);
  if (file == FILES) return -ENOENT;
  info->fh = file;
  info->direct_io = 1;
  return 0;
}

static int on_read(const char *path, char *into, size_t length, off_t offset, struct fuse_file_info *info) {
  (void)path;
  if (info->fh != DISK || (uint64_t)offset >= disk_bytes) return 0;
  if (length > disk_bytes - offset) length = disk_bytes - offset;
  for (size_t done = 0; done < length;) {
    uint64_t at = offset + done;
    uint64_t within = at % PAGE;
    size_t count = length - done < PAGE - within ? length - done : PAGE - within;
    const uint8_t *page = over[at / PAGE] != NULL ? over[at / PAGE] : base[at / PAGE];
    if (page == NULL) page = zeros;
    memcpy(into + done, page + within, count);
    done += count;
  }
  return length;
}

static int on_write(const char *path, const char *bytes, size_t length, off_t offset,
                    struct fuse_file_info *info) {
  (void)path;
  if (info->fh == DISK) return write_disk(bytes, length, offset);
  if (info->fh == CONTROL) return obey(bytes, length);
  record(NOTE, bytes, length, 0);
  return length;
}

static int on_fsync(const char *path, int data_only, struct fuse_file_info *info) {
  (void)path, (void)data_only;
  if (info->fh != DISK) return 0;
  int failed = fails(&fail_flush);
  record(failed ? FAILED_FLUSH : FLUSH, NULL, 0, 0);
  return failed ? -EIO : 0;
}

static void *on_init(struct fuse_conn_info *connection, struct fuse_config *config) {
  connection->max_write = REQUEST_MAX;
  /* Names and sizes never change. */
  config->entry_timeout = config->attr_timeout = config->negative_timeout = 3600;
  return NULL;
}

/* No fallocate: the loop device then takes no discards, and zeros come as writes. */
static const struct fuse_operations operations = {
    .init = on_init,
    .getattr = on_getattr,
    .readdir = on_readdir,
    .open = on_open,
    .read = on_read,
    .write = on_write,
    .fsync = on_fsync,
};

int main(int count, char **arguments) {
  if (count != 3) {
    fprintf(stderr, "disk <mount point> <bytes>\n");
    return 2;
  }
  disk_bytes = strtoull(arguments[2], NULL, 10);
  page_count = (disk_bytes + PAGE - 1) / PAGE;
  base = must(calloc(page_count, sizeof *base));
  over = must(calloc(page_count, sizeof *over));
  laid = must(calloc(page_count, sizeof *laid));
  /* In the foreground (-f), one thread (-s). */
  char *fuse_arguments[] = {arguments[0], "-f", "-s", arguments[1]};
  return fuse_main(4, fuse_arguments, &operations, NULL);
}
