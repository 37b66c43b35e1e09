// Prints an option as a program of another process sees it: top, depth, ticker with greeks. Good C
// and good C++.
//
//     option DIR BOOK

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tickbook.h"

static void fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, tickbook_last_error());
    exit(EXIT_FAILURE);
}

static void print(const char *name, TickbookDecimal number) {
    char text[64];
    if (tickbook_decimal_text(number, text, sizeof text) >= sizeof text) {
        fail("a number is too long");
    }
    if (number.present) {
        printf("%s %s %.9g\n", name, text, tickbook_decimal_double(number));
    } else {
        // Not zero: not a number.
        const double none = tickbook_decimal_double(number);
        printf("%s%s%s\n", name, text, none != none ? " -" : " ?");
    }
}

static void print_level(const char *name, TickbookLevel level, const TickbookHeader *header) {
    char price[48], size[48];
    tickbook_price_text(level.price, header->price_exponent, price, sizeof price);
    tickbook_size_text(level.size, header->size_exponent, size, sizeof size);
    printf("%s %s x %s\n", name, price, size);
}

int main(int argc, char **argv) {
    TickbookEngine *engine = NULL;
    TickbookBook *book = NULL;
    TickbookTop top;
    TickbookDepth depth;
    TickbookTicker ticker;
    if (argc != 3) {
        return EXIT_FAILURE;
    }
    if (tickbook_attach(argv[1], NULL, 0, &engine) != TICKBOOK_STATUS_OK) {
        fail("attach");
    }
    if (tickbook_book_open(engine, argv[2], &book) != TICKBOOK_STATUS_OK) {
        fail("open");
    }
    if (tickbook_book_top(book, &top) != TICKBOOK_STATUS_OK) {
        fail("top");
    }
    print_level("bid", top.bid, &top.header);
    print_level("ask", top.ask, &top.header);
    if (tickbook_book_depth(book, &depth) != TICKBOOK_STATUS_OK) {
        fail("depth");
    }
    printf("depth %" PRIu32 " %" PRIu32 "\n", depth.bids_count, depth.asks_count);
    if (tickbook_book_ticker(book, &ticker) != TICKBOOK_STATUS_OK) {
        fail("ticker");
    }
    printf("at %" PRId64 "\n", ticker.venue_time_ns);
    print("bid_price", ticker.bid_price);
    print("mark_price", ticker.mark_price);
    print("index_price", ticker.index_price);
    print("underlying_price", ticker.underlying_price);
    print("open_interest", ticker.open_interest);
    print("funding_rate", ticker.funding_rate);
    print("mark_iv", ticker.mark_iv);
    print("bid_iv", ticker.bid_iv);
    print("ask_iv", ticker.ask_iv);
    print("delta", ticker.delta);
    print("gamma", ticker.gamma);
    print("vega", ticker.vega);
    print("theta", ticker.theta);
    print("rho", ticker.rho);
    tickbook_book_close(book);
    tickbook_engine_close(engine);
    return EXIT_SUCCESS;
}
