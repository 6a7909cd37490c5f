/*
 * Mounts and unmounts, again and again: starting mount(8) for each of thousands of states takes longer than all
 * that the file system has to recover there.
 *
 *   mounter <device> <mount point>
 *
 * Each line of input is an order: "+<type> <options>" mounts, "-" unmounts. Each line of output is the errno, or 0.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

int main(int count, char **arguments) {
  char line[256];
  if (count != 3) return 2;
  while (fgets(line, sizeof line, stdin) != NULL) {
    int result;
    line[strcspn(line, "\n")] = '\0';
    if (line[0] == '+') {
      char *options = strchr(line, ' ');
      if (options != NULL) *options++ = '\0';
      result = mount(arguments[1], arguments[2], line + 1, 0, options);
    } else {
      result = umount2(arguments[2], 0);
    }
    printf("%d\n", result == 0 ? 0 : errno);
    fflush(stdout);
  }
  return 0;
}
