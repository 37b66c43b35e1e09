// Reads two books at full speed and checks every word of every read.
//
//     hammer DIR READS
//
// The writer is the one of crates/tickbook/tests/writer: what it publishes is a function of the
// publish's number. The same function is written down here once more, in C.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tickbook.h"

enum { BOOKS = 2, DEPTH = 20, SIDES = 2 };

#define CHECK(what, is, should)                                                                    \
    do {                                                                                           \
        const uint64_t is_ = (uint64_t)(is), should_ = (uint64_t)(should);                         \
        if (is_ != should_) {                                                                      \
            fprintf(stderr, "torn: %s is %#" PRIx64 ", should be %#" PRIx64 " (publish %" PRIu64   \
                            ")\n", (what), is_, should_, number);                                  \
            exit(EXIT_FAILURE);                                                                    \
        }                                                                                          \
    } while (0)

static void fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, tickbook_last_error());
    exit(EXIT_FAILURE);
}

static uint64_t levels_of(int book, uint64_t number, uint64_t side) {
    return book == 0 ? (number / (side + 1)) % (DEPTH + 1) : DEPTH;
}

static TickbookLevel level_of(int book, uint64_t number, uint64_t side, uint64_t slot) {
    // Of book 1, one slot changes per publish: the greatest number up to this one that is `slot`
    // modulo the depth.
    const uint64_t back = book == 0 ? 0 : (number % DEPTH + DEPTH - slot) % DEPTH;
    const uint64_t changed = number > back ? number - back : 0;
    const uint64_t word = changed * UINT64_C(0x9e3779b97f4a7c15);
    const uint64_t price = (word << 7 | word >> 57) ^ (slot << 1 | side);
    return (TickbookLevel){.price = (int64_t)price, .size = word ^ price};
}

static void check_level(const char *what, TickbookLevel level, int book, uint64_t number,
                        uint64_t side, uint64_t slot) {
    const TickbookLevel should = level_of(book, number, side, slot);
    CHECK(what, level.price, should.price);
    CHECK(what, level.size, should.size);
}

static uint64_t check_header(const TickbookHeader *header, int book) {
    const uint64_t number = header->seq;
    CHECK("state", header->state, TICKBOOK_STATE_LIVE);
    CHECK("reason", header->reason, number % 11);
    CHECK("epoch", header->epoch, (uint32_t)(number * 3));
    CHECK("instrument_epoch", header->instrument_epoch, (uint32_t)(number * 5));
    CHECK("bid_levels", header->bid_levels, (uint32_t)(number * 7));
    CHECK("ask_levels", header->ask_levels, (uint32_t)(number * 11));
    CHECK("venue_time_ns", header->venue_time_ns, number * 13);
    CHECK("kernel_time_ns", header->kernel_time_ns, number * 17);
    CHECK("received_time_ns", header->received_time_ns, number * 19);
    CHECK("published_time_ns", header->published_time_ns, number * 23);
    CHECK("price_exponent", header->price_exponent, (int)(number % 9) - 9);
    CHECK("size_exponent", header->size_exponent, (int)(number % 7) - 7);
    // The empty publish at the start came before the first.
    CHECK("publishes", header->publishes, number + 1);
    CHECK("conn", header->conn, 0);
    const unsigned flags =
        TICKBOOK_FLAG_HAS_SEQ |
        (levels_of(book, number, 0) > 0 ? (unsigned)TICKBOOK_FLAG_HAS_BID : 0u) |
        (levels_of(book, number, 1) > 0 ? (unsigned)TICKBOOK_FLAG_HAS_ASK : 0u);
    CHECK("flags", header->flags, flags);
    return number;
}

static uint64_t check_top(const TickbookTop *top, int book) {
    const uint64_t number = check_header(&top->header, book);
    const TickbookLevel best[SIDES] = {top->bid, top->ask};
    for (uint64_t side = 0; side < SIDES; side++) {
        if (levels_of(book, number, side) > 0) {
            check_level("best", best[side], book, number, side, 0);
        } else {
            CHECK("no best", best[side].price | (int64_t)best[side].size, 0);
        }
    }
    return number;
}

/* No times and counts here: the number is in the sequence, and both sides must be of it. */
static uint64_t check_quotes(const TickbookQuotes *quotes, int book) {
    const uint64_t number = quotes->seq;
    const TickbookLevel best[SIDES] = {quotes->bid, quotes->ask};
    CHECK("quotes' state", quotes->state, TICKBOOK_STATE_LIVE);
    CHECK("quotes' price_exponent", quotes->price_exponent, (int)(number % 9) - 9);
    CHECK("quotes' size_exponent", quotes->size_exponent, (int)(number % 7) - 7);
    for (uint64_t side = 0; side < SIDES; side++) {
        if (levels_of(book, number, side) > 0) {
            check_level("quote", best[side], book, number, side, 0);
        } else {
            CHECK("no quote", best[side].price | (int64_t)best[side].size, 0);
        }
    }
    return number;
}

static uint64_t check_depth(const TickbookDepth *depth, int book) {
    const uint64_t number = check_header(&depth->header, book);
    const TickbookLevel *levels[SIDES] = {depth->bids, depth->asks};
    const uint32_t counts[SIDES] = {depth->bids_count, depth->asks_count};
    for (uint64_t side = 0; side < SIDES; side++) {
        CHECK("count", counts[side], levels_of(book, number, side));
        for (uint32_t slot = 0; slot < counts[side]; slot++) {
            check_level("level", levels[side][slot], book, number, side, slot);
        }
    }
    return number;
}

static void newer(uint64_t *last, uint64_t number) {
    if (number < *last) {
        fprintf(stderr, "went back from %" PRIu64 " to %" PRIu64 "\n", *last, number);
        exit(EXIT_FAILURE);
    }
    *last = number;
}

int main(int count, char **arguments) {
    if (count != 3) {
        fprintf(stderr, "usage: hammer DIR READS\n");
        return EXIT_FAILURE;
    }
    const uint64_t wanted = strtoull(arguments[2], NULL, 10);
    const char *names[BOOKS] = {"BTCUSDT", "ETHUSDT"};
    TickbookEngine *engine;
    TickbookBook *books[BOOKS];
    if (tickbook_attach(arguments[1], "test", 60000, &engine) != TICKBOOK_STATUS_OK) {
        fail("attach");
    }
    for (int book = 0; book < BOOKS; book++) {
        if (tickbook_book_open(engine, names[book], &books[book]) != TICKBOOK_STATUS_OK) {
            fail(names[book]);
        }
    }
    uint64_t tops = 0, depths = 0, busy = 0, early = 0, first = 0;
    uint64_t last[BOOKS] = {0}, last_depth[BOOKS] = {0};
    while (tops + depths < wanted) {
        for (int book = 0; book < BOOKS; book++) {
            TickbookTop top;
            TickbookDepth depth;
            TickbookQuotes quotes;
            const TickbookStatus of_top = tickbook_book_top(books[book], &top);
            const TickbookStatus of_depth = tickbook_book_depth(books[book], &depth);
            const TickbookStatus of_quotes = tickbook_book_quotes(books[book], &quotes);
            const TickbookStatus said[3] = {of_top, of_depth, of_quotes};
            for (int read = 0; read < 3; read++) {
                const TickbookStatus status = said[read];
                if (status == TICKBOOK_STATUS_BUSY) {
                    busy++;
                } else if (status == TICKBOOK_STATUS_NOT_LIVE && tops == 0) {
                    early++; // Before its first publish.
                } else if (status != TICKBOOK_STATUS_OK) {
                    fail(tickbook_status_name(status));
                } else if (read == 0) {
                    newer(&last[book], check_top(&top, book));
                    tops++;
                } else if (read == 2) {
                    newer(&last[book], check_quotes(&quotes, book));
                } else {
                    newer(&last_depth[book], check_depth(&depth, book));
                    depths++;
                }
            }
            first = first == 0 ? last[0] : first;
        }
    }
    printf("%" PRIu64 " tops and %" PRIu64 " depths read in C, none torn, %" PRIu64
           " times busy, over %" PRIu64 " publishes\n",
           tops, depths, busy, last[0] - first);
    for (int book = 0; book < BOOKS; book++) {
        tickbook_book_close(books[book]);
    }
    tickbook_engine_close(engine);
    if (last[0] == first) {
        fprintf(stderr, "the writer did not publish meanwhile (%" PRIu64 " early)\n", early);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
