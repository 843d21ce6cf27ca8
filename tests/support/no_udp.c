/* Preloaded into a process: what it sends over UDP gets lost, as behind a firewall. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/socket.h>

ssize_t sendto(int fd, const void* bytes, size_t size, int flags, const struct sockaddr* to, socklen_t to_size) {
    static ssize_t (*real)(int, const void*, size_t, int, const struct sockaddr*, socklen_t);
    int type = 0;
    socklen_t type_size = sizeof type;
    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size);
    if (type == SOCK_DGRAM) return (ssize_t)size;
    if (!real) *(void**)&real = dlsym(RTLD_NEXT, "sendto");
    return real(fd, bytes, size, flags, to, to_size);
}
