/* Preloaded into a process: it reaches the ports in ONLY_TO alone ("3478,7880"), as behind a firewall. What it sends
 * elsewhere over UDP gets lost, and a connection elsewhere over TCP is refused. Datagrams of connected sockets pass. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

static int is_open(const struct sockaddr* to) {
    if (!to || (to->sa_family != AF_INET && to->sa_family != AF_INET6)) return 1;
    const int port = ntohs(to->sa_family == AF_INET ? ((const struct sockaddr_in*)to)->sin_port
                                                    : ((const struct sockaddr_in6*)to)->sin6_port);
    const char* rest = getenv("ONLY_TO");
    while (rest && *rest) {
        char* end;
        if (strtol(rest, &end, 10) == port) return 1;
        rest = *end ? end + 1 : end;
    }
    return 0;
}

ssize_t sendto(int fd, const void* bytes, size_t size, int flags, const struct sockaddr* to, socklen_t to_size) {
    static ssize_t (*real)(int, const void*, size_t, int, const struct sockaddr*, socklen_t);
    if (!is_open(to)) return (ssize_t)size;
    if (!real) *(void**)&real = dlsym(RTLD_NEXT, "sendto");
    return real(fd, bytes, size, flags, to, to_size);
}

int connect(int fd, const struct sockaddr* to, socklen_t to_size) {
    static int (*real)(int, const struct sockaddr*, socklen_t);
    int type = 0;
    socklen_t type_size = sizeof type;
    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size);
    if (type == SOCK_STREAM && !is_open(to)) {
        errno = ECONNREFUSED;
        return -1;
    }
    if (!real) *(void**)&real = dlsym(RTLD_NEXT, "connect");
    return real(fd, to, to_size);
}
