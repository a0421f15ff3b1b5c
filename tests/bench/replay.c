/*
 * replay.c - sends requests that were made before, and says how fast they were answered.
 *
 *     replay PORT FILE...
 *
 * Each file is one client: a connection of its own, one request after the other. A file holds for
 * each request its length (4 bytes, little-endian) and its bytes. Prints requests and seconds; an
 * answer that is not 2xx ends it with status 1.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"

enum { CLIENTS_MAX = 256, ANSWER_MAX = 65536 };

struct client {
    pthread_t thread;
    int fd;
    char *text; /* the file */
    size_t len;
    size_t done; /* requests */
};

static void die(const char *what)
{
    fprintf(stderr, "replay: %s: %s\n", what, errno ? strerror(errno) : "failed");
    exit(1);
}

static void read_file(const char *path, struct client *c)
{
    FILE *file = fopen(path, "rb");
    long len;

    if (!file || fseek(file, 0, SEEK_END) != 0 || (len = ftell(file)) < 0)
        die(path);
    rewind(file);
    c->len = (size_t)len;
    c->text = malloc(c->len + 1);
    if (!c->text || fread(c->text, 1, c->len, file) != c->len)
        die(path);
    fclose(file);
}

static void dial(struct client *c, int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        die("connect");
}

static void send_all(int fd, const char *at, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

        if (n <= 0)
            die("send");
        at += n;
        len -= (size_t)n;
    }
}

/* Length of the head with its empty line, and of the body; 0 while the head is not whole. */
static size_t answer_size(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n"), *length;

    if (!end)
        return 0;
    length = strcasestr(answer, "\r\nContent-Length:");
    if (!length || length > end)
        die("an answer without a length");
    return (size_t)(end + 4 - answer) + strtoul(length + 17, NULL, 10);
}

static void take_answer(int fd)
{
    char answer[ANSWER_MAX];
    size_t have = 0, need = 0;

    while (need == 0 || have < need) {
        ssize_t n = recv(fd, answer + have, sizeof(answer) - 1 - have, 0);

        if (n <= 0)
            die("recv");
        have += (size_t)n;
        answer[have] = '\0';
        need = answer_size(answer);
    }
    if (strncmp(answer, "HTTP/1.1 2", 10) != 0) {
        errno = 0;
        die(answer);
    }
}

static void *play(void *arg)
{
    struct client *c = arg;
    size_t at = 0;

    while (at + sizeof(uint32_t) <= c->len) {
        uint32_t len;

        memcpy(&len, c->text + at, sizeof(len));
        len = le32toh(len);
        at += sizeof(len);
        send_all(c->fd, c->text + at, len);
        take_answer(c->fd);
        at += len;
        c->done++;
    }
    return NULL;
}

int main(int argc, char *argv[])
{
    static struct client clients[CLIENTS_MAX];
    size_t n = (size_t)argc - 2, done = 0;
    int64_t begun_ns;

    if (argc < 3 || n > CLIENTS_MAX) {
        fprintf(stderr, "usage: replay PORT FILE...\n");
        return 2;
    }
    for (size_t i = 0; i < n; i++) {
        read_file(argv[i + 2], &clients[i]);
        dial(&clients[i], atoi(argv[1]));
    }
    begun_ns = clock_now_ns();
    for (size_t i = 0; i < n; i++)
        if (pthread_create(&clients[i].thread, NULL, play, &clients[i]) != 0)
            die("thread");
    for (size_t i = 0; i < n; i++) {
        pthread_join(clients[i].thread, NULL);
        done += clients[i].done;
    }
    printf("%zu %.6f\n", done, (double)(clock_now_ns() - begun_ns) * 1e-9);
    return 0;
}
