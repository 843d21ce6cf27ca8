/* Preloaded into a process: some of the RTP packets that come to it get lost on the way.
 *
 * Every PACKET_LOSS_EVERY-th packet is dropped, the resent ones counted in like all others; how many
 * were dropped is written to the file PACKET_LOSS_COUNT. RTP is known by its first byte (RFC 7983)
 * and second byte (RFC 5761). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static int is_rtp(const struct mmsghdr* message) {
    const unsigned char* bytes;
    if (message->msg_len < 12 || message->msg_hdr.msg_iovlen == 0) return 0;
    bytes = message->msg_hdr.msg_iov[0].iov_base;
    return bytes[0] >= 128 && bytes[0] < 192 && (bytes[1] < 192 || bytes[1] > 223);
}

static int is_lost(void) {
    static unsigned packets, lost;
    const char* every = getenv("PACKET_LOSS_EVERY");
    const char* path = getenv("PACKET_LOSS_COUNT");
    FILE* file;
    if (!every || !path || ++packets % (unsigned)atoi(every) != 0) return 0;
    ++lost;
    if ((file = fopen(path, "w"))) {
        fprintf(file, "%u\n", lost);
        fclose(file);
    }
    return 1;
}

int recvmmsg(int fd, struct mmsghdr* messages, unsigned count, int flags, struct timespec* timeout) {
    static int (*real)(int, struct mmsghdr*, unsigned, int, struct timespec*);
    int got, i;
    if (!real) *(void**)&real = dlsym(RTLD_NEXT, "recvmmsg");
    got = real(fd, messages, count, flags, timeout);
    for (i = 0; i < got; ++i) {
        /* Too short for anything: as good as never come. */
        if (is_rtp(&messages[i]) && is_lost()) messages[i].msg_len = 0;
    }
    return got;
}
