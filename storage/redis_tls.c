/* redis_tls.c - see redis_tls.h. */
#include "redis_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

struct tls {
    SSL_CTX *context;
    SSL *ssl;
    const char *complaint; /* a constant of OpenSSL */
};

/* The oldest error that OpenSSL has noted for this thread; forgets the others. */
static const char *reason(void)
{
    unsigned long code = ERR_get_error();
    const char *text = code ? ERR_reason_error_string(code) : NULL;

    ERR_clear_error();
    return text ? text : "the reason is not known";
}

/* Where certificates of servers are looked up: the file of the URL, or those that the system trusts. */
static bool trust(SSL_CTX *context, const struct redis_url *url, struct err *err)
{
    SSL_CTX_set_verify(context, url->unverified ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    if (!url->ca_file[0])
        return SSL_CTX_set_default_verify_paths(context) == 1 || err_no_memory(err);
    return SSL_CTX_load_verify_file(context, url->ca_file) == 1 ||
           err_set(err, ERR_CONFIG, "redis: ssl_ca_certs: %s: %s", url->ca_file, reason());
}

static bool identify(SSL_CTX *context, const struct redis_url *url, struct err *err)
{
    const char *key = url->key_file[0] ? url->key_file : url->cert_file;

    if (!url->cert_file[0])
        return true;
    if (SSL_CTX_use_certificate_chain_file(context, url->cert_file) != 1)
        return err_set(err, ERR_CONFIG, "redis: ssl_certfile: %s: %s", url->cert_file, reason());
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
        return err_set(err, ERR_CONFIG, "redis: ssl_keyfile: %s: %s", key, reason());
    return true;
}

static bool make_context(const struct redis_url *url, SSL_CTX **out, struct err *err)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    *out = context;
    if (!context)
        return err_no_memory(err);
    ERR_clear_error();
    /* Replies say how long they are, so that one that was cut short is noticed without TLS. */
    SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    return (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 || err_no_memory(err)) &&
           trust(context, url, err) && identify(context, url, err);
}

bool tls_check(const struct redis_url *url, struct err *err)
{
    SSL_CTX *context;
    bool ok = make_context(url, &context, err);

    SSL_CTX_free(context);
    return ok;
}

/* The name that the certificate must have, which also tells the server whom we want. */
static bool expect_host(SSL *ssl, const struct redis_url *url)
{
    unsigned char address[sizeof(struct in6_addr)];
    bool is_address = inet_pton(AF_INET, url->host, address) == 1 ||
                      inet_pton(AF_INET6, url->host, address) == 1;
    char name[sizeof(url->host)]; /* what takes it is a macro that casts const away */

    memcpy(name, url->host, sizeof(name));
    if (!is_address && SSL_set_tlsext_host_name(ssl, name) != 1)
        return false;
    if (url->unverified || url->any_host)
        return true;
    return is_address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), url->host) == 1
                      : SSL_set1_host(ssl, url->host) == 1;
}

/* What became of a call that has moved no bytes. Sets errno. */
static void note_failure(struct tls *t, int result)
{
    int kind = SSL_get_error(t->ssl, result);

    if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) {
        errno = EAGAIN;
        return;
    }
    t->complaint = kind == SSL_ERROR_SSL ? reason() : NULL;
    if (errno == 0 || errno == EAGAIN)
        errno = ECONNRESET;
}

bool tls_shake(struct tls *t, int *waits, struct err *err)
{
    int result;
    long verdict;

    errno = 0;
    ERR_clear_error();
    result = SSL_connect(t->ssl);
    if (result == 1)
        return true;
    note_failure(t, result);
    *waits = errno != EAGAIN ? 0 : SSL_want_write(t->ssl) ? POLLOUT : POLLIN;
    verdict = SSL_get_verify_result(t->ssl);
    if (verdict != X509_V_OK)
        return err_set(err, ERR_CONFIG, "redis: the certificate of the server is refused: %s",
                       X509_verify_cert_error_string(verdict));
    if (t->complaint)
        return err_set(err, ERR_CONFIG, "redis: no connection by TLS: %s", t->complaint);
    return err_set(err, ERR_UNAVAILABLE,
                   *waits ? "redis: no answer to the greeting of TLS"
                          : "redis: contact lost while TLS began");
}

struct tls *tls_new(int fd, const struct redis_url *url, struct err *err)
{
    struct tls *t = calloc(1, sizeof(*t));

    if (!t) {
        (void)err_no_memory(err);
        return NULL;
    }
    if (make_context(url, &t->context, err)) {
        t->ssl = SSL_new(t->context);
        if (t->ssl && SSL_set_fd(t->ssl, fd) == 1 && expect_host(t->ssl, url))
            return t;
        (void)err_no_memory(err);
    }
    tls_end(t);
    return NULL;
}

bool tls_write(struct tls *t, const char *at, size_t len)
{
    size_t sent;
    char last;

    errno = 0;
    ERR_clear_error();
    if (SSL_write_ex(t->ssl, at, len, &sent) == 1)
        return true;
    note_failure(t, 0);
    /* A server that refuses our certificate says so and closes, maybe before this was sent. */
    if (errno != EAGAIN && SSL_read_ex(t->ssl, &last, 1, &sent) != 1)
        note_failure(t, 0);
    return false;
}

int tls_read(struct tls *t, char *at, size_t len)
{
    size_t got;

    errno = 0;
    ERR_clear_error();
    if (SSL_read_ex(t->ssl, at, len, &got) == 1)
        return (int)got;
    if (SSL_get_error(t->ssl, 0) == SSL_ERROR_ZERO_RETURN)
        return 0;
    note_failure(t, 0);
    return -1;
}

const char *tls_complaint(const struct tls *t)
{
    return t ? t->complaint : NULL;
}

void tls_end(struct tls *t)
{
    if (!t)
        return;
    SSL_free(t->ssl);
    SSL_CTX_free(t->context);
    free(t);
}
