/*
 * The least a server can do for a request: read it, make one write durable for all that came together if that is asked for,
 * answer. What it is not: a protocol; requests and answers are so many bytes.
 *
 *     floor REQUEST_BYTES REPLY_BYTES [FILE]
 *
 * It prints its port, and serves until it is killed. Any call that fails ends it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define CLIENTS_MAX 4096
#define READ_LENGTH 65536
#define BLOCK 4096
#define FILE_LENGTH (64L << 20)

/* Bytes of the request that is arriving, and requests that are whole, by descriptor. */
static size_t received[CLIENTS_MAX];
static size_t waiting[CLIENTS_MAX];

static long demand(long result, const char *what) {
  if (result < 0) {
    perror(what);
    exit(1);
  }
  return result;
}

/* A file that is written once over its length, so that later writes change no metadata. */
static int prewritten(const char *path, const void *block) {
  int file = (int)demand(open(path, O_RDWR | O_CREAT | O_EXCL | O_DIRECT, 0600), "open");
  for (long at = 0; at < FILE_LENGTH; at += BLOCK * 256) {
    struct iovec parts[256];
    for (int part = 0; part < 256; part += 1) parts[part] = (struct iovec){(void *)block, BLOCK};
    demand(pwritev(file, parts, 256, at), "pwritev");
  }
  demand(fsync(file), "fsync");
  return file;
}

static int listening(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int listener = (int)demand(socket(AF_INET, SOCK_STREAM, 0), "socket");
  demand(bind(listener, (struct sockaddr *)&address, length), "bind");
  demand(listen(listener, 512), "listen");
  demand(getsockname(listener, (struct sockaddr *)&address, &length), "getsockname");
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  return listener;
}

static void add(int epoll, int descriptor) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
  demand(epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event), "epoll_ctl");
}

int main(int count, char **arguments) {
  if (count < 3) return 2;
  size_t request = strtoul(arguments[1], NULL, 10), reply = strtoul(arguments[2], NULL, 10);
  if (request == 0 || request > READ_LENGTH || reply == 0 || reply > READ_LENGTH) return 2;
  static char room[READ_LENGTH], answer[READ_LENGTH];
  static _Alignas(BLOCK) char block[BLOCK];
  memset(block, 0xa5, sizeof block);
  int file = count > 3 ? prewritten(arguments[3], block) : -1;
  int listener = listening(), epoll = (int)demand(epoll_create1(0), "epoll_create1");
  add(epoll, listener);
  long position = 0;
  for (;;) {
    struct epoll_event events[256];
    int whole[256], wholes = 0;
    int ready = epoll_wait(epoll, events, 256, -1);
    if (ready < 0 && errno == EINTR) continue;
    demand(ready, "epoll_wait");
    for (int at = 0; at < ready; at += 1) {
      int descriptor = events[at].data.fd;
      if (descriptor == listener) {
        int one = 1, client = (int)demand(accept4(listener, NULL, NULL, 0), "accept4");
        if (client >= CLIENTS_MAX) return 3;
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        received[client] = waiting[client] = 0;
        add(epoll, client);
        continue;
      }
      ssize_t bytes = read(descriptor, room, sizeof room);
      if (bytes <= 0) {
        close(descriptor);
        continue;
      }
      received[descriptor] += (size_t)bytes;
      waiting[descriptor] += received[descriptor] / request;
      received[descriptor] %= request;
      if (waiting[descriptor] > 0) whole[wholes++] = descriptor;
    }
    if (wholes == 0) continue;
    if (file >= 0) {
      struct iovec part = {block, BLOCK};
      demand(pwritev2(file, &part, 1, position, RWF_DSYNC), "pwritev2");
      position = (position + BLOCK) % FILE_LENGTH;
    }
    for (int at = 0; at < wholes; at += 1) {
      for (; waiting[whole[at]] > 0; waiting[whole[at]] -= 1) demand(write(whole[at], answer, reply), "write");
    }
  }
}
