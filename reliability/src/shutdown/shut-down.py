# Stops a mounted file system at once: the shutdown ioctl, for which Node.js has no call.
#
#   python3 shut-down.py <directory>
#
# A line on standard input, `<flag> <mount point>`, is answered with one on standard output. At the end of the
# input its parent is gone, however it went: what is mounted in the directory is unmounted, and the directory
# removed. After the line `keep` it stays.
import fcntl
import os
import shutil
import signal
import struct
import subprocess
import sys

SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32): EXT4_IOC_SHUTDOWN and XFS_IOC_GOINGDOWN are one number

# A terminal interrupts the parent and its children alike; what is to be put away then is put away here.
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
directory = sys.argv[1]
keep = False
# Not by iterating, which reads ahead.
for line in iter(sys.stdin.readline, ""):
    words = line.split(maxsplit=1)
    if words == ["keep"]:
        keep = True
        continue
    answer = "ok"
    try:
        descriptor = os.open(words[1].rstrip("\n"), os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, SHUTDOWN, struct.pack("I", int(words[0])))
        finally:
            os.close(descriptor)
    except OSError as error:
        answer = str(error)
    try:
        print(answer, flush=True)
    except BrokenPipeError:
        break

mounted = os.path.join(directory, "mounted")


def is_mounted():
    # Not by looking at the directory itself: a file system that was stopped answers with an error.
    with open("/proc/self/mounts") as mounts:
        return any(line.split(" ")[1] == mounted for line in mounts)


while is_mounted():
    # Lazily: a process that is still there keeps it no longer than it lives. The loop device goes with the mount.
    subprocess.run(["umount", "--lazy", mounted], check=True)
if not keep:
    shutil.rmtree(directory, ignore_errors=True)
