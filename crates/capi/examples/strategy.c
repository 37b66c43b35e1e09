// The smallest strategy: attach, spin on the top of one book, print when it changes.
//
//     cargo build --release -p tickbook-capi
//     cc -std=c11 -O2 -I crates/capi/include crates/capi/examples/strategy.c
//         target/release/libtickbook_c.a -lpthread -ldl -lm -o strategy
//     ./strategy [--dir DIR] [--name ENGINE] [--wait SECONDS] [--seconds SECONDS] [BOOK]
//
// Without a name it takes the only engine that runs, without a book the first one of the directory.
// With --wait it waits for the engine and the book to come; with --seconds it ends by itself. Works
// against any writer: `tickbook demo`, `tickbook replay`, `tickbook run`.

#define _POSIX_C_SOURCE 200809L

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tickbook.h"

typedef struct {
    const char *dir;
    const char *name;
    const char *book;
    double wait;
    double seconds; // Below zero: for ever.
} Options;

static double now_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool parse_options(Options *options, int count, char **arguments) {
    for (int at = 1; at < count; at++) {
        const char *name = arguments[at];
        if (strncmp(name, "--", 2) != 0) {
            options->book = name;
            continue;
        }
        if (at + 1 == count) {
            fprintf(stderr, "strategy: %s wants a value\n", name);
            return false;
        }
        const char *value = arguments[++at];
        if (strcmp(name, "--dir") == 0) {
            options->dir = value;
        } else if (strcmp(name, "--name") == 0) {
            options->name = value;
        } else if (strcmp(name, "--wait") == 0) {
            options->wait = atof(value);
        } else if (strcmp(name, "--seconds") == 0) {
            options->seconds = atof(value);
        } else {
            fprintf(stderr, "strategy: unknown option %s\n", name);
            return false;
        }
    }
    return true;
}

// Opens the book that was asked for, or else the first one there is.
static TickbookStatus open_book(const TickbookEngine *engine, const Options *options,
                                TickbookBook **book) {
    const double give_up = now_seconds() + options->wait;
    for (;;) {
        const char *name = options->book;
        char first[TICKBOOK_VENUE_SIZE + TICKBOOK_NAME_SIZE];
        TickbookBookInfo info;
        size_t count = 0;
        if (name == NULL && tickbook_engine_books(engine, &info, 1, &count) == TICKBOOK_STATUS_OK &&
            count > 0) {
            snprintf(first, sizeof first, "%s:%s", info.venue, info.name);
            name = first;
        }
        // Without any book the error is about one that nobody has.
        const TickbookStatus status = tickbook_book_open(engine, name != NULL ? name : "?", book);
        if (status == TICKBOOK_STATUS_OK || now_seconds() >= give_up) {
            return status;
        }
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
}

static void print_level(const TickbookHeader *header, uint16_t flag, const TickbookLevel *level) {
    char price[48] = "-", size[48] = "-";
    if (header->flags & flag) {
        tickbook_price_text(level->price, header->price_exponent, price, sizeof price);
        tickbook_size_text(level->size, header->size_exponent, size, sizeof size);
    }
    printf("%14s x %-14s ", price, size);
}

static void show(TickbookStatus status, const TickbookTop *top) {
    if (status == TICKBOOK_STATUS_OK) {
        print_level(&top->header, TICKBOOK_FLAG_HAS_BID, &top->bid);
        printf("| ");
        print_level(&top->header, TICKBOOK_FLAG_HAS_ASK, &top->ask);
        printf("seq %llu\n", (unsigned long long)top->header.seq);
    } else {
        printf("not to be traded on: %s\n", tickbook_last_error());
    }
    fflush(stdout);
}

static void spin(TickbookBook *book, double seconds) {
    const double end = seconds < 0 ? -1 : now_seconds() + seconds;
    TickbookTop top, last = {0};
    TickbookStatus last_status = TICKBOOK_STATUS_OK;
    unsigned long long looks = 0, changes = 0;
    for (;;) {
        // The whole hot path of a strategy: look, read when there is something new, and decide for
        // each outcome. After a read that gave no book every look says so: read again.
        looks++;
        if (tickbook_book_top_changed(book)) {
            const TickbookStatus status = tickbook_book_top(book, &top);
            if (changes == 0 || status != last_status ||
                top.header.publishes != last.header.publishes) {
                changes++;
                show(status, &top);
                last = top;
                last_status = status;
            }
        }
        // Not every time: reading the clock costs more than reading the book.
        if (looks % 65536 == 0 && end >= 0 && now_seconds() >= end) {
            break;
        }
    }
    printf("%llu looks, %llu changes\n", looks, changes);
}

int main(int count, char **arguments) {
    Options options = {.seconds = -1};
    if (!parse_options(&options, count, arguments)) {
        return EXIT_FAILURE;
    }
    TickbookEngine *engine = NULL;
    TickbookBook *book = NULL;
    TickbookEngineInfo info;
    const uint64_t wait_ms = options.wait > 0 ? (uint64_t)(options.wait * 1000) : 0;
    if (tickbook_attach(options.dir, options.name, wait_ms, &engine) != TICKBOOK_STATUS_OK ||
        tickbook_engine_info(engine, &info) != TICKBOOK_STATUS_OK ||
        open_book(engine, &options, &book) != TICKBOOK_STATUS_OK) {
        fprintf(stderr, "strategy: %s\n", tickbook_last_error());
        tickbook_engine_close(engine);
        return EXIT_FAILURE;
    }
    printf("engine %s (process %u)\n", info.name, (unsigned)info.pid);
    spin(book, options.seconds);
    tickbook_book_close(book);
    tickbook_engine_close(engine);
    return EXIT_SUCCESS;
}
