/* Preloaded into a process: DTLS offers the SRTP suite of SRTP_SUITE only, whatever the process asks for. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>

static int with_suite(const char* function, void* object) {
    int (*real)(void*, const char*) = (int (*)(void*, const char*))dlsym(RTLD_NEXT, function);
    return real(object, getenv("SRTP_SUITE"));
}

int SSL_CTX_set_tlsext_use_srtp(void* context, const char* profiles) {
    (void)profiles;
    return with_suite("SSL_CTX_set_tlsext_use_srtp", context);
}

int SSL_set_tlsext_use_srtp(void* ssl, const char* profiles) {
    (void)profiles;
    return with_suite("SSL_set_tlsext_use_srtp", ssl);
}
