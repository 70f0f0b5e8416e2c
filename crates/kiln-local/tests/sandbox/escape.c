/* Attempts that no command of a shell makes. Ends with 0 when one succeeded, else with the number of the error. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

static int outcome(long result) { return result == -1 ? errno : 0; }

static int unix_socket(const char *name, int abstract, int listens)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    strncpy(address.sun_path + abstract, name, sizeof address.sun_path - 2);
    socklen_t length = offsetof(struct sockaddr_un, sun_path) + abstract + strlen(name);
    int socket_fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (listens)
        return outcome(bind(socket_fd, (struct sockaddr *)&address, length));
    return outcome(connect(socket_fd, (struct sockaddr *)&address, length));
}

static int push_back(void)
{
    for (int fd = 0; fd < 3; fd++)
        if (ioctl(fd, TIOCSTI, "x") == 0)
            return 0;
    int terminal = open("/dev/tty", O_RDWR);
    return outcome(terminal == -1 ? -1 : ioctl(terminal, TIOCSTI, "x"));
}

int main(int count, char **words)
{
    if (count < 2)
        return 127;
    const char *what = words[1], *one = count > 2 ? words[2] : "", *two = count > 3 ? words[3] : "";
    if (!strcmp(what, "rename"))
        return outcome(rename(one, two));
    if (!strcmp(what, "abstract"))
        return unix_socket(one, 1, 0);
    if (!strcmp(what, "socket"))
        return unix_socket(one, 0, 1);
    if (!strcmp(what, "tiocsti"))
        return push_back();
    if (!strcmp(what, "userns"))
        return outcome(unshare(CLONE_NEWUSER));
    if (!strcmp(what, "remount"))
        return outcome(mount("none", one, NULL, MS_REMOUNT | MS_BIND, NULL));
    if (!strcmp(what, "tmpfs"))
        return outcome(mount("none", one, "tmpfs", 0, NULL));
    if (!strcmp(what, "whiteout"))
        return outcome(mknod(one, S_IFCHR, 0));
    if (!strcmp(what, "attribute"))
        return outcome(setxattr(one, "user.kiln", "x", 1, 0));
    return 127;
}
