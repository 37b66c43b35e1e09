// Order books of a tickbook engine, read from shared memory in nanoseconds.
//
// Made by cbindgen from crates/capi/src; do not edit it here.
//
// Every function that can fail returns a TickbookStatus: TICKBOOK_STATUS_OK is zero, a status above
// zero says why there is no book (or no event) now, one below zero that the call cannot work.
// tickbook_last_error() has the sentence to it.
//
// A read gives a book only if it is whole, live (known to equal the venue's book at the sequence it
// carries) and fresh (its builder beats, its connection is not silent). On any other status what it
// writes is all zero, so that nobody trades on what stood there before. The _any variants give the
// last whole book beside the reason not to trade on it.
//
// Pointers that a function takes must be valid for what it says it does with them, and aligned for
// their type. Null pointers are refused with TICKBOOK_STATUS_INVALID_ARGUMENT unless a function says
// what null means to it. Text goes in as UTF-8 that ends with a zero byte, and comes out the same.
//
// An engine handle may be used by several threads at the same time. A book or events handle may move
// from thread to thread, but is used by one at a time: let each thread open its own. Handles live on
// when the engine handle that they were opened from is closed.

#ifndef TICKBOOK_H
#define TICKBOOK_H

#include <stddef.h>
#include <stdint.h>

// Version of this header. A program compares it with `tickbook_abi_version()` if it may meet a
// library of another build.
#define TICKBOOK_ABI_VERSION 1

// Bytes of a name, the zero byte at its end included.
#define TICKBOOK_NAME_SIZE 72

// Bytes of a venue's name, the zero byte at its end included.
#define TICKBOOK_VENUE_SIZE 32

// What came of a call. Zero: it worked. Above zero: there is nothing to be had now, ask again.
// Below zero: the call cannot work as it was made.
enum TickbookStatus
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // It worked.
    TICKBOOK_STATUS_OK = 0,
    // The book is not live: `tickbook_book_why` has its state and the reason.
    TICKBOOK_STATUS_NOT_LIVE = 1,
    // The book is live, but its connection or its builder has been silent for too long.
    TICKBOOK_STATUS_NOT_FRESH = 2,
    // The writer was publishing during every attempt; read again.
    TICKBOOK_STATUS_BUSY = 3,
    // The writer's heartbeat stopped: the process died or hangs. A restarted one is picked up by
    // the next reads.
    TICKBOOK_STATUS_WRITER_DEAD = 4,
    // The engine closed the book or the whole file in an orderly way. A restarted one is picked up
    // by the next reads.
    TICKBOOK_STATUS_CLOSED = 5,
    // No event since the last one.
    TICKBOOK_STATUS_NO_EVENT = 6,
    // The writer was faster: events were overwritten before they were read.
    TICKBOOK_STATUS_EVENTS_MISSED = 7,
    // The engine ended or was restarted, and every event was read: open a new events handle.
    TICKBOOK_STATUS_EVENTS_ENDED = 8,
    // An argument is null, not UTF-8, or out of range.
    TICKBOOK_STATUS_INVALID_ARGUMENT = -1,
    // No engine runs here.
    TICKBOOK_STATUS_NO_ENGINE = -2,
    // Several engines run and none was named.
    TICKBOOK_STATUS_SEVERAL_ENGINES = -3,
    // The file of the engine cannot be used: not there, not readable, damaged.
    TICKBOOK_STATUS_FILE = -4,
    // The file is of another build of tickbook than this library.
    TICKBOOK_STATUS_OTHER_BUILD = -5,
    // The engine has no such book.
    TICKBOOK_STATUS_NO_BOOK = -6,
    // Several books have this name; name the venue too.
    TICKBOOK_STATUS_SEVERAL_BOOKS = -7,
    // The engine has no such builder.
    TICKBOOK_STATUS_NO_BUILDER = -8,
    // There is no counter, or no stage, of this name.
    TICKBOOK_STATUS_NO_STATISTIC = -9,
    // Something else, of a later build.
    TICKBOOK_STATUS_OTHER = -100,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum TickbookStatus TickbookStatus;
#else
typedef int32_t TickbookStatus;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Kind of an instrument.
enum TickbookKind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Delivery on the spot.
    TICKBOOK_KIND_SPOT = 0,
    // Perpetual swap.
    TICKBOOK_KIND_PERPETUAL = 1,
    // Future with an expiry.
    TICKBOOK_KIND_FUTURE = 2,
    // Option.
    TICKBOOK_KIND_OPTION = 3,
    // Of a later build.
    TICKBOOK_KIND_UNKNOWN = 255,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum TickbookKind TickbookKind;
#else
typedef uint8_t TickbookKind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Whether the venue trades an instrument.
enum TickbookTrading
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // The venue's list was not seen or does not say.
    TICKBOOK_TRADING_UNKNOWN = 0,
    // Trading.
    TICKBOOK_TRADING_TRADING = 1,
    // Halted, in auction, or not yet open.
    TICKBOOK_TRADING_HALTED = 2,
    // Expired or delisted.
    TICKBOOK_TRADING_EXPIRED = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum TickbookTrading TickbookTrading;
#else
typedef uint8_t TickbookTrading;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Right of an option.
enum TickbookRight
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Not an option.
    TICKBOOK_RIGHT_NONE = 0,
    // The right to buy.
    TICKBOOK_RIGHT_CALL = 1,
    // The right to sell.
    TICKBOOK_RIGHT_PUT = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum TickbookRight TickbookRight;
#else
typedef uint8_t TickbookRight;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// State of a book.
enum TickbookState
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Nothing is known yet.
    TICKBOOK_STATE_EMPTY = 0,
    // Subscribed, waiting for a snapshot or splicing one.
    TICKBOOK_STATE_SYNCING = 1,
    // Known to equal the venue's book at the sequence it carries.
    TICKBOOK_STATE_LIVE = 2,
    // Was live; something was lost or looked wrong. Holds what it last held.
    TICKBOOK_STATE_STALE = 3,
    // The engine let it go: unsubscribed or shut down.
    TICKBOOK_STATE_CLOSED = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum TickbookState TickbookState;
#else
typedef uint8_t TickbookState;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Why a book is in its state.
enum TickbookReason
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Nothing to explain.
    TICKBOOK_REASON_NONE = 0,
    // The connection that feeds it went away.
    TICKBOOK_REASON_DISCONNECTED = 1,
    // The venue's sequence has a hole.
    TICKBOOK_REASON_GAP = 2,
    // The venue's checksum does not fit the book.
    TICKBOOK_REASON_CHECKSUM = 3,
    // The book stayed crossed.
    TICKBOOK_REASON_CROSSED = 4,
    // The venue stopped sending.
    TICKBOOK_REASON_SILENT = 5,
    // The ring to the builder was full; messages were lost inside the engine.
    TICKBOOK_REASON_RING_FULL = 6,
    // More levels than the book may hold, or a number that does not fit.
    TICKBOOK_REASON_OVERFLOW = 7,
    // The venue halted the instrument.
    TICKBOOK_REASON_HALTED = 8,
    // A new subscription replaces the old one.
    TICKBOOK_REASON_RESUBSCRIBED = 9,
    // The engine is shutting down.
    TICKBOOK_REASON_SHUTDOWN = 10,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum TickbookReason TickbookReason;
#else
typedef uint8_t TickbookReason;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What happened.
enum TickbookEventKind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Nothing that this build knows.
    TICKBOOK_EVENT_KIND_NONE = 0,
    // Levels were set or, with size 0, removed: `levels_count` of `levels`, on `sides`.
    TICKBOOK_EVENT_KIND_LEVELS = 1,
    // A trade: `levels[0]`, aggressor `sides[0]`, venue's trade id `id`.
    TICKBOOK_EVENT_KIND_TRADE = 2,
    // The book changed its state: to `state`, for `reason`.
    TICKBOOK_EVENT_KIND_STATE = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum TickbookEventKind TickbookEventKind;
#else
typedef uint8_t TickbookEventKind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// A side of the book; of a trade, the side of the aggressor (a buyer is `TICKBOOK_SIDE_BID`).
enum TickbookSide
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Buyers.
    TICKBOOK_SIDE_BID = 0,
    // Sellers.
    TICKBOOK_SIDE_ASK = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum TickbookSide TickbookSide;
#else
typedef uint8_t TickbookSide;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Bits of `TickbookHeader.flags`.
enum TickbookFlag
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint16_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // The best bid is at or above the best ask, as the venue sent it.
    TICKBOOK_FLAG_CROSSED = 1,
    // A size of this book was rounded to fit.
    TICKBOOK_FLAG_SIZE_ROUNDED = 2,
    // `seq` holds the venue's chain id.
    TICKBOOK_FLAG_HAS_SEQ = 4,
    // There is a best bid.
    TICKBOOK_FLAG_HAS_BID = 8,
    // There is a best ask.
    TICKBOOK_FLAG_HAS_ASK = 16,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum TickbookFlag TickbookFlag;
#else
typedef uint16_t TickbookFlag;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Bits of `TickbookEvent.flags`.
enum TickbookEventFlag
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // The first levels of a venue message.
    TICKBOOK_EVENT_FLAG_FIRST = 1,
    // The last levels of a venue message.
    TICKBOOK_EVENT_FLAG_LAST = 2,
    // The message replaces the whole book: with `TICKBOOK_EVENT_FLAG_FIRST`, clear it.
    TICKBOOK_EVENT_FLAG_SNAPSHOT = 4,
    // `id` holds the venue's chain id.
    TICKBOOK_EVENT_FLAG_HAS_SEQ = 8,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum TickbookEventFlag TickbookEventFlag;
#else
typedef uint8_t TickbookEventFlag;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// A reader of one book. Used by one thread at a time.
typedef struct TickbookBook TickbookBook;

// Readers of one instrument on all venues. Used by one thread at a time.
typedef struct TickbookConsolidated TickbookConsolidated;

// An engine, by which its books are found. May be used by several threads at the same time.
typedef struct TickbookEngine TickbookEngine;

// A reader of one builder's events. Used by one thread at a time.
typedef struct TickbookEvents TickbookEvents;

// What the file says of its engine.
typedef struct TickbookEngineInfo {
    // Name.
    char name[TICKBOOK_NAME_SIZE];
    // Unique number of the file; another one after a restart.
    uint64_t generation;
    // How often each builder beats.
    int64_t heartbeat_ns;
    // Process that writes the file.
    uint32_t pid;
    // Published levels a side.
    uint32_t depth;
    // Builders, each with events of its own.
    uint32_t builders;
    // 1 if a builder beats, otherwise 0.
    uint32_t alive;
} TickbookEngineInfo;

// An exact decimal number: `mantissa * 10^exponent`.
typedef struct TickbookDecimal {
    // Its digits.
    int64_t mantissa;
    // Power of ten of the last digit.
    int32_t exponent;
    // 1 if there is such a number, 0 if nobody said it.
    uint32_t present;
} TickbookDecimal;

// A book in the directory of an engine.
typedef struct TickbookBookInfo {
    // Name among the venue's books: the venue's symbol, or its topic where one symbol has several
    // books.
    char name[TICKBOOK_NAME_SIZE];
    // The name that is the same on every venue.
    char normalised[TICKBOOK_NAME_SIZE];
    // Venue.
    char venue[TICKBOOK_VENUE_SIZE];
    // Smallest price step.
    struct TickbookDecimal tick_size;
    // Smallest size step.
    struct TickbookDecimal lot_size;
    // What one unit of size is worth, in base (linear) or quote (inverse) units.
    struct TickbookDecimal contract_multiplier;
    // Strike, for options.
    struct TickbookDecimal strike;
    // Its id; events name the book by it.
    uint32_t book;
    // Builder that builds it; its events are in that builder's ring.
    uint32_t builder;
    // Connection that fed it when it was added.
    uint32_t conn;
    // Expiry as the number YYYYMMDD, for futures and options; otherwise 0.
    uint32_t expiry;
    // Levels a side the venue keeps on this channel; 0: the whole book.
    uint32_t depth_max;
    // Kind.
    TickbookKind kind;
    // Whether the venue traded it when the book was added.
    TickbookTrading trading;
    // Right, for options.
    TickbookRight right;
    // Zero.
    uint8_t reserved;
} TickbookBookInfo;

// Why a book cannot be used now.
typedef struct TickbookWhy {
    // Nanoseconds since its builder or its connection was last heard from, for
    // `TICKBOOK_STATUS_NOT_FRESH`; otherwise 0.
    int64_t age_ns;
    // What a read of it says; `TICKBOOK_STATUS_OK`: it can be used.
    TickbookStatus status;
    // State of the book, for `TICKBOOK_STATUS_NOT_LIVE`; otherwise `TICKBOOK_STATE_EMPTY`.
    TickbookState state;
    // Why it is in that state, for `TICKBOOK_STATUS_NOT_LIVE`; otherwise `TICKBOOK_REASON_NONE`.
    TickbookReason reason;
    // Zero.
    uint8_t reserved[2];
} TickbookWhy;

// State, times and exponents of a book: everything but its levels. Times are nanoseconds since
// 1970-01-01 UTC.
typedef struct TickbookHeader {
    // Venue's chain id, if `flags` has `TICKBOOK_FLAG_HAS_SEQ`; otherwise 0.
    uint64_t seq;
    // How many publishes of this book there were, this one included.
    uint64_t publishes;
    // Venue's event time, 0 if it says none.
    int64_t venue_time_ns;
    // Kernel receive time, 0 if the socket gives none.
    int64_t kernel_time_ns;
    // When the engine had received it.
    int64_t received_time_ns;
    // When it was published.
    int64_t published_time_ns;
    // Levels of the whole book, bids.
    uint32_t bid_levels;
    // Levels of the whole book, asks.
    uint32_t ask_levels;
    // Connection that fed it.
    uint32_t conn;
    // Epoch of that connection: how often it was opened.
    uint32_t epoch;
    // How often the exponents have changed.
    uint32_t instrument_epoch;
    // Bits of `TickbookFlag`.
    uint16_t flags;
    // State of the book.
    TickbookState state;
    // Why it is in that state.
    TickbookReason reason;
    // Power of ten of the last digit of every price here.
    int8_t price_exponent;
    // Power of ten of the last digit of every size here.
    int8_t size_exponent;
    // Zero.
    uint8_t reserved[6];
} TickbookHeader;

// A price and the size that rests there, as integers: `price * 10^price_exponent` and
// `size * 10^size_exponent` with the exponents of the header beside it.
typedef struct TickbookLevel {
    // Price.
    int64_t price;
    // Size.
    uint64_t size;
} TickbookLevel;

// Best bid and ask.
typedef struct TickbookTop {
    // Everything but the prices.
    struct TickbookHeader header;
    // Best bid, if `header.flags` has `TICKBOOK_FLAG_HAS_BID`; otherwise zeros.
    struct TickbookLevel bid;
    // Best ask, if `header.flags` has `TICKBOOK_FLAG_HAS_ASK`; otherwise zeros.
    struct TickbookLevel ask;
} TickbookTop;

// Best bid and ask, and what it takes to read them: one cache line here and in the file.
typedef struct TickbookQuotes {
    // Venue's chain id, if `flags` has `TICKBOOK_FLAG_HAS_SEQ`; otherwise 0.
    uint64_t seq;
    // Connection that fed it.
    uint32_t conn;
    // Epoch of that connection: how often it was opened.
    uint32_t epoch;
    // How often the exponents have changed.
    uint32_t instrument_epoch;
    // Bits of `TickbookFlag`.
    uint16_t flags;
    // State of the book.
    TickbookState state;
    // Why it is in that state.
    TickbookReason reason;
    // Power of ten of the last digit of both prices.
    int8_t price_exponent;
    // Power of ten of the last digit of both sizes.
    int8_t size_exponent;
    // Zero.
    uint8_t reserved[6];
    // Best bid, if `flags` has `TICKBOOK_FLAG_HAS_BID`; otherwise zeros.
    struct TickbookLevel bid;
    // Best ask, if `flags` has `TICKBOOK_FLAG_HAS_ASK`; otherwise zeros.
    struct TickbookLevel ask;
} TickbookQuotes;

// The published levels of a book. The pointers are good until the next read of levels through the
// same book handle, whatever comes of it, or until the handle is closed.
typedef struct TickbookDepth {
    // Everything but the levels.
    struct TickbookHeader header;
    // `bids_count` bids, best first; null if the read failed.
    const struct TickbookLevel *bids;
    // `asks_count` asks, best first; null if the read failed.
    const struct TickbookLevel *asks;
    // Bids shown here; `header.bid_levels` is how many the whole book has.
    uint32_t bids_count;
    // Asks shown here; `header.ask_levels` is how many the whole book has.
    uint32_t asks_count;
} TickbookDepth;

// A level of one of the books. Prices and sizes of several venues have exponents of their own.
typedef struct TickbookConsolidatedLevel {
    // Price.
    struct TickbookDecimal price;
    // Size in units of the base asset.
    struct TickbookDecimal size;
    // Which book: an index of `members`.
    uint32_t member;
    // Zero.
    uint32_t reserved;
} TickbookConsolidatedLevel;

// An instrument of a venue, as far as it took part.
typedef struct TickbookMember {
    // Name of the book among the venue's.
    char name[TICKBOOK_NAME_SIZE];
    // Venue; empty if this build does not know it.
    char venue[TICKBOOK_VENUE_SIZE];
    // When its last message was received.
    int64_t received_time_ns;
    // What a read of it says; `TICKBOOK_STATUS_OK`: it can be used.
    struct TickbookWhy why;
    // 1 if its levels are there. 0 and `why.status` `TICKBOOK_STATUS_OK`: it can be used, but what
    // its sizes count is not known, or cannot be counted in base.
    uint32_t taken;
    // Zero.
    uint32_t reserved;
} TickbookMember;

// What a read through a `TickbookConsolidated` gave. The pointers are good until the next read
// through the same handle, or until it is closed.
typedef struct TickbookConsolidatedBook {
    // `bids_count` bids of all books, best first; of equal prices in the order of the members.
    const struct TickbookConsolidatedLevel *bids;
    // `asks_count` asks of all books, best first; of equal prices in the order of the members.
    const struct TickbookConsolidatedLevel *asks;
    // `members_count` instruments, whether they took part or not.
    const struct TickbookMember *members;
    // How far apart the last messages of the books were received; -1 if no book took part.
    int64_t skew_ns;
    // Bids shown here.
    uint32_t bids_count;
    // Asks shown here.
    uint32_t asks_count;
    // Instruments.
    uint32_t members_count;
    // Zero.
    uint32_t reserved;
} TickbookConsolidatedBook;

// An event. What its kind has no use for is zero. Times are nanoseconds since 1970-01-01 UTC.
typedef struct TickbookEvent {
    // Venue's id of the trade, or, if `flags` has `TICKBOOK_EVENT_FLAG_HAS_SEQ`, its chain id.
    uint64_t id;
    // Venue's time, 0 if it says none; of a change of state, when it was published.
    int64_t time_ns;
    // When the engine had received it, for trades.
    int64_t received_time_ns;
    // Levels that were changed, or price and size of the trade.
    struct TickbookLevel levels[2];
    // Id of the book, as in `TickbookBookInfo.book`.
    uint32_t book;
    // Epoch of the connection, for changes of state.
    uint32_t epoch;
    // What happened.
    TickbookEventKind kind;
    // Bits of `TickbookEventFlag`.
    uint8_t flags;
    // How many of `levels` there are.
    uint8_t levels_count;
    // Side of each of `levels`.
    TickbookSide sides[2];
    // New state of the book.
    TickbookState state;
    // Why it is in that state.
    TickbookReason reason;
    // Power of ten of the last digit of every price here.
    int8_t price_exponent;
    // Power of ten of the last digit of every size here.
    int8_t size_exponent;
    // Zero.
    uint8_t reserved[7];
} TickbookEvent;

// The published levels of a book with the orders at each. The pointers are good as long as those
// of the levels are.
typedef struct TickbookCountedDepth {
    // The levels.
    struct TickbookDepth depth;
    // Orders at each of `depth.bids` (0: not known); null if it is not known of these levels.
    const uint32_t *bid_orders;
    // Orders at each of `depth.asks` (0: not known); null if it is not known of these levels.
    const uint32_t *ask_orders;
} TickbookCountedDepth;

// Times of a stage of the data path, in nanoseconds.
typedef struct TickbookLatency {
    // Recorded times.
    uint64_t count;
    // The shortest, exactly; 0 if there is none.
    uint64_t min_ns;
    // At or below which half of them lie.
    uint64_t p50_ns;
    // At or below which 90 of 100 lie.
    uint64_t p90_ns;
    // At or below which 99 of 100 lie.
    uint64_t p99_ns;
    // At or below which 999 of 1000 lie.
    uint64_t p999_ns;
    // The longest, exactly; 0 if there is none.
    uint64_t max_ns;
} TickbookLatency;

// What a venue says beside a book: mark, index, funding, open interest, volatilities, greeks. What
// it does not say has `present` 0, which is not the number 0.
typedef struct TickbookTicker {
    // Best bid: price. Data of the venue's ticker, not of the book.
    struct TickbookDecimal bid_price;
    // Best bid: size.
    struct TickbookDecimal bid_size;
    // Best ask: price.
    struct TickbookDecimal ask_price;
    // Best ask: size.
    struct TickbookDecimal ask_size;
    // Price of the last trade.
    struct TickbookDecimal last_price;
    // Mark price.
    struct TickbookDecimal mark_price;
    // Price of the index behind it.
    struct TickbookDecimal index_price;
    // Price of what an option is on.
    struct TickbookDecimal underlying_price;
    // Open interest, in the venue's unit.
    struct TickbookDecimal open_interest;
    // Funding rate per interval of the venue, as a fraction.
    struct TickbookDecimal funding_rate;
    // Implied volatility at the mark, as a fraction: 0.514 is 51.4 %.
    struct TickbookDecimal mark_iv;
    // Implied volatility of the best bid, as a fraction.
    struct TickbookDecimal bid_iv;
    // Implied volatility of the best ask, as a fraction.
    struct TickbookDecimal ask_iv;
    // Delta.
    struct TickbookDecimal delta;
    // Gamma.
    struct TickbookDecimal gamma;
    // Vega, in the venue's unit.
    struct TickbookDecimal vega;
    // Theta, in the venue's unit.
    struct TickbookDecimal theta;
    // Rho, in the venue's unit.
    struct TickbookDecimal rho;
    // When funding is next paid, ns since 1970; 0: it says none.
    int64_t next_funding_ns;
    // Venue's time of the newest part, ns since 1970; 0: it says none.
    int64_t venue_time_ns;
    // When the newest part was received, ns since 1970.
    int64_t received_time_ns;
    // The same on `CLOCK_MONOTONIC`: for its age.
    int64_t received_mono_ns;
    // How many tickers of this book there were, this one included.
    uint64_t publishes;
    // Connection that it came on.
    uint32_t conn;
    // Epoch of that connection.
    uint32_t epoch;
    // State of the ticker, which is not that of the book.
    TickbookState state;
    // Why it is in that state.
    TickbookReason reason;
    // Zero.
    uint8_t reserved[6];
} TickbookTicker;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The `TICKBOOK_ABI_VERSION` that the library was built with.
uint32_t tickbook_abi_version(void);

// Why the last call of this thread that failed, failed: one line, never null, empty if none did.
// A call that works leaves it as it is. The text is good until this function is called again by
// the same thread.
const char *tickbook_last_error(void);

// The name of a status, as `not_live`; `unknown` for a number that is none. Never null, good for
// ever.
const char *tickbook_status_name(int32_t status);

// Attaches the engine called `name` in the directory `dir`, and waits for one that runs up to
// `timeout_ms`. Null for `dir`: where engines put their files by default. Null for `name`: the
// only engine that runs. `*engine` is null if there is none.
//
// Without waiting (0), a named engine may be dead: its books then say so, and follow it once it is
// started again.
//
// # Safety
//
// - `dir` and `name` are null or end with a zero byte;
// - `engine` is valid for writing a pointer.
TickbookStatus tickbook_attach(const char *dir,
                               const char *name,
                               uint64_t timeout_ms,
                               struct TickbookEngine **engine);

// Closes an engine handle. Books and events that were opened by it live on. Null is allowed.
//
// # Safety
//
// - `engine` is null or was opened by `tickbook_attach` and is not closed;
// - nobody uses it any more.
void tickbook_engine_close(struct TickbookEngine *engine);

// What the file says of its engine; of a restarted one, if there is one.
//
// # Safety
//
// - `engine` was opened by `tickbook_attach` and is not closed;
// - `info` is valid for writing.
TickbookStatus tickbook_engine_info(const struct TickbookEngine *engine,
                                    struct TickbookEngineInfo *info);

// Lists the books of an engine by id: writes up to `capacity` of them to `books`, and to `*count`
// how many there are. `books` may be null if `capacity` is 0.
//
// # Safety
//
// - `engine` was opened by `tickbook_attach` and is not closed;
// - `books` is valid for writing `capacity` of them, or `capacity` is 0;
// - `count` is valid for writing, and not within `books`.
TickbookStatus tickbook_engine_books(const struct TickbookEngine *engine,
                                     struct TickbookBookInfo *books,
                                     size_t capacity,
                                     size_t *count);

// Opens a reader of the book called `name`: `binance_spot:BTCUSDT` (the venue's symbol or topic),
// `binance_spot:BTC-USDT` (the name that is the same on every venue), or either without the venue
// where that is unambiguous. `*book` is null if there is none.
//
// The first one of a process measures the time-stamp counter, which takes 30 ms.
//
// # Safety
//
// - `engine` was opened by `tickbook_attach` and is not closed;
// - `name` ends with a zero byte;
// - `book` is valid for writing a pointer.
TickbookStatus tickbook_book_open(const struct TickbookEngine *engine,
                                  const char *name,
                                  struct TickbookBook **book);

// Closes a book handle, and ends what was read through it. Null is allowed.
//
// # Safety
//
// - `book` is null or was opened by `tickbook_book_open` and is not closed;
// - nobody uses it, or levels read through it, any more.
void tickbook_book_close(struct TickbookBook *book);

// Why the last read through this handle that gave no book gave none.
//
// # Safety
//
// - `book` was opened by `tickbook_book_open` and is not closed;
// - nobody else uses it now;
// - `why` is valid for writing.
TickbookStatus tickbook_book_why(const struct TickbookBook *book, struct TickbookWhy *why);

// Whether `tickbook_book_top` would say something new (1) or not (0): a newer top is published
// than was read last through this handle, or the time is over for which that one was known to be
// fresh. Always 1 before the first read and after one that gave no book, and for a null handle.
//
// What a thread that waits for a book spins on: it looks at one cache line and the time-stamp
// counter, and copies nothing. Whoever reads when it says 1 learns of a dead engine or a silent
// connection as soon as one who reads all the time.
//
// # Safety
//
// - `book` was opened by `tickbook_book_open` and is not closed;
// - nobody else uses it now.
int32_t tickbook_book_top_changed(const struct TickbookBook *book);

// `tickbook_book_top_changed` at a time that the caller has just read from `CLOCK_MONOTONIC`, in
// nanoseconds.
//
// # Safety
//
// - as `tickbook_book_top_changed`.
int32_t tickbook_book_top_changed_at(const struct TickbookBook *book, int64_t now_ns);

// Whether `tickbook_book_depth` would say something new, as `tickbook_book_top_changed`.
//
// # Safety
//
// - as `tickbook_book_top_changed`.
int32_t tickbook_book_depth_changed(const struct TickbookBook *book);

// `tickbook_book_depth_changed` at a time that the caller has just read from `CLOCK_MONOTONIC`,
// in nanoseconds.
//
// # Safety
//
// - as `tickbook_book_top_changed`.
int32_t tickbook_book_depth_changed_at(const struct TickbookBook *book, int64_t now_ns);

// Reads best bid and ask, if the book is live and fresh; otherwise the status says why it is not
// to be used, and `*top` is all zero.
//
// # Safety
//
// - `book` was opened by `tickbook_book_open` and is not closed;
// - nobody else uses it now;
// - `top` is valid for writing.
TickbookStatus tickbook_book_top(struct TickbookBook *book, struct TickbookTop *top);

// `tickbook_book_top` at a time that the caller has just read from `CLOCK_MONOTONIC`, in
// nanoseconds: saves the reading of a clock.
//
// # Safety
//
// - as `tickbook_book_top`.
TickbookStatus tickbook_book_top_at(struct TickbookBook *book,
                                    int64_t now_ns,
                                    struct TickbookTop *top);

// Reads best bid and ask by themselves, if the book is live and fresh; otherwise the status says
// why it is not to be used, and `*quotes` is all zero. `tickbook_book_top` without times and level
// counts, from one cache line in place of two; `tickbook_book_top_changed` tells of news.
//
// # Safety
//
// - `book` was opened by `tickbook_book_open` and is not closed;
// - nobody else uses it now;
// - `quotes` is valid for writing.
TickbookStatus tickbook_book_quotes(struct TickbookBook *book, struct TickbookQuotes *quotes);

// `tickbook_book_quotes` at a time that the caller has just read from `CLOCK_MONOTONIC`, in
// nanoseconds: saves the reading of a clock.
//
// # Safety
//
// - as `tickbook_book_quotes`.
TickbookStatus tickbook_book_quotes_at(struct TickbookBook *book,
                                       int64_t now_ns,
                                       struct TickbookQuotes *quotes);

// Reads the last whole best bid and ask whatever the state of the book; `*why` says whether it can
// be used. Another status than `TICKBOOK_STATUS_OK` if there is no whole one: the writer died or
// hangs within a publish, publishes without a break, or the book is gone.
//
// # Safety
//
// - as `tickbook_book_top`;
// - `why` is valid for writing, and not within `*top`.
TickbookStatus tickbook_book_top_any(struct TickbookBook *book,
                                     struct TickbookTop *top,
                                     struct TickbookWhy *why);

// `tickbook_book_top_any` at a time that the caller has just read from `CLOCK_MONOTONIC`, in
// nanoseconds.
//
// # Safety
//
// - as `tickbook_book_top_any`.
TickbookStatus tickbook_book_top_any_at(struct TickbookBook *book,
                                        int64_t now_ns,
                                        struct TickbookTop *top,
                                        struct TickbookWhy *why);

// Reads the published levels, if the book is live and fresh; otherwise the status says why they
// are not to be used, and `*depth` is all zero. Allocates on the first use of a handle only.
//
// # Safety
//
// - `book` was opened by `tickbook_book_open` and is not closed;
// - nobody else uses it, or levels read through it before, now;
// - `depth` is valid for writing.
TickbookStatus tickbook_book_depth(struct TickbookBook *book, struct TickbookDepth *depth);

// `tickbook_book_depth` at a time that the caller has just read from `CLOCK_MONOTONIC`, in
// nanoseconds.
//
// # Safety
//
// - as `tickbook_book_depth`.
TickbookStatus tickbook_book_depth_at(struct TickbookBook *book,
                                      int64_t now_ns,
                                      struct TickbookDepth *depth);

// Reads the last whole levels whatever the state of the book, as `tickbook_book_top_any`.
//
// # Safety
//
// - as `tickbook_book_depth`;
// - `why` is valid for writing, and not within `*depth`.
TickbookStatus tickbook_book_depth_any(struct TickbookBook *book,
                                       struct TickbookDepth *depth,
                                       struct TickbookWhy *why);

// `tickbook_book_depth_any` at a time that the caller has just read from `CLOCK_MONOTONIC`, in
// nanoseconds.
//
// # Safety
//
// - as `tickbook_book_depth_any`.
TickbookStatus tickbook_book_depth_any_at(struct TickbookBook *book,
                                          int64_t now_ns,
                                          struct TickbookDepth *depth,
                                          struct TickbookWhy *why);

// Opens readers of the instrument whose name on every venue is `name` (`BTC-USDT`), of the engine
// called `engine`, or of all that run if that is null; `dir` as in `tickbook_attach`.
// `*consolidated` is null if there is none.
//
// # Safety
//
// - `dir` and `engine` are null or end with a zero byte, and `name` ends with one;
// - `consolidated` is valid for writing a pointer.
TickbookStatus tickbook_consolidated_open(const char *dir,
                                          const char *engine,
                                          const char *name,
                                          struct TickbookConsolidated **consolidated);

// Closes a handle, and ends what was read through it. Null is allowed.
//
// # Safety
//
// - `consolidated` is null or was opened by `tickbook_consolidated_open` and is not closed;
// - nobody uses it, or what was read through it, any more.
void tickbook_consolidated_close(struct TickbookConsolidated *consolidated);

// Reads every book, and merges up to `levels` levels a side. Only books that are live and fresh at
// one moment take part; every other one is a member that says why it does not. That none takes
// part is no error: there are no levels then. Allocates until it has seen its largest book.
//
// # Safety
//
// - `consolidated` was opened by `tickbook_consolidated_open` and is not closed;
// - nobody else uses it, or what was read through it before, now;
// - `book` is valid for writing.
TickbookStatus tickbook_consolidated_read(struct TickbookConsolidated *consolidated,
                                          uint32_t levels,
                                          struct TickbookConsolidatedBook *book);

// `tickbook_consolidated_read` at a time that the caller has just read from `CLOCK_MONOTONIC`, in
// nanoseconds.
//
// # Safety
//
// - as `tickbook_consolidated_read`.
TickbookStatus tickbook_consolidated_read_at(struct TickbookConsolidated *consolidated,
                                             uint32_t levels,
                                             int64_t now_ns,
                                             struct TickbookConsolidatedBook *book);

// Opens a reader of the events of a builder (`TickbookBookInfo.builder`), from now on. `*events`
// is null if there is none.
//
// # Safety
//
// - `engine` was opened by `tickbook_attach` and is not closed;
// - `events` is valid for writing a pointer.
TickbookStatus tickbook_events_open(const struct TickbookEngine *engine,
                                    uint32_t builder,
                                    struct TickbookEvents **events);

// Closes an events handle. Null is allowed.
//
// # Safety
//
// - `events` is null or was opened by `tickbook_events_open` and is not closed;
// - nobody uses it any more.
void tickbook_events_close(struct TickbookEvents *events);

// Takes the next event, if there is one. Never waits. `*event` is all zero on any other status
// than `TICKBOOK_STATUS_OK`, and `*missed` is 0 unless the status is
// `TICKBOOK_STATUS_EVENTS_MISSED`: then exactly so many records were overwritten before they were
// read (a trade or a change of state is one record, level changes are two to a record), and books
// kept from events must start again from a snapshot. `missed` may be null. Where nothing is new
// and nobody would write it, the status is `TICKBOOK_STATUS_WRITER_DEAD` (the engine's process is
// gone) or `TICKBOOK_STATUS_NOT_FRESH` (the builder hangs), not `TICKBOOK_STATUS_NO_EVENT`.
//
// # Safety
//
// - `events` was opened by `tickbook_events_open` and is not closed;
// - nobody else uses it now;
// - `event` is valid for writing;
// - `missed` is null or valid for writing, and not within `*event`.
TickbookStatus tickbook_events_next(struct TickbookEvents *events,
                                    struct TickbookEvent *event,
                                    uint64_t *missed);

// Reads the published levels and how many orders make up each of them, if the book is live and
// fresh; otherwise the status says why they are not to be used, and `*depth` is all zero. Only
// some venues tell: of others, and of levels whose counts have yet to come, the pointers to them
// are null. Allocates on the first use of a handle only.
//
// # Safety
//
// - as `tickbook_book_depth`.
TickbookStatus tickbook_book_depth_and_orders(struct TickbookBook *book,
                                              struct TickbookCountedDepth *depth);

// Reads a counter, like `frames`: the sum over all threads, or, of one whose name ends in `_max`,
// the largest. Not for a hot loop: it copies all there are.
//
// # Safety
//
// - `engine` was opened by `tickbook_attach` and is not closed;
// - `name` ends with a zero byte;
// - `value` is valid for writing.
TickbookStatus tickbook_engine_counter(const struct TickbookEngine *engine,
                                       const char *name,
                                       uint64_t *value);

// Reads the times of a stage, like `tick_to_book`, of all threads. Not for a hot loop: it copies
// all there are.
//
// # Safety
//
// - `engine` was opened by `tickbook_attach` and is not closed;
// - `stage` ends with a zero byte;
// - `latency` is valid for writing.
TickbookStatus tickbook_engine_latency(const struct TickbookEngine *engine,
                                       const char *stage,
                                       struct TickbookLatency *latency);

// The name of counter number `index`, from 0 on; null behind the last one. Good for ever.
const char *tickbook_counter_name(uint32_t index);

// The name of stage number `index`, from 0 on; null behind the last one. Good for ever.
const char *tickbook_stage_name(uint32_t index);

// Reads what the venue says beside the book, if it is fresh: the connection that it came on is
// open, in the same epoch, and not silent. The book itself may wait for a snapshot meanwhile.
// Otherwise the status says why it is not to be used, and `*ticker` is all zero. A venue that has
// said nothing yet is `TICKBOOK_STATUS_NOT_LIVE` with the state `TICKBOOK_STATE_EMPTY`.
//
// # Safety
//
// - `book` was opened by `tickbook_book_open` and is not closed;
// - nobody else uses it now;
// - `ticker` is valid for writing.
TickbookStatus tickbook_book_ticker(struct TickbookBook *book, struct TickbookTicker *ticker);

// `tickbook_book_ticker` at a time that the caller has just read from `CLOCK_MONOTONIC`, in
// nanoseconds.
//
// # Safety
//
// - as `tickbook_book_ticker`.
TickbookStatus tickbook_book_ticker_at(struct TickbookBook *book,
                                       int64_t now_ns,
                                       struct TickbookTicker *ticker);

// Reads the last whole ticker whatever its state; `*why` says whether it can be used.
//
// # Safety
//
// - as `tickbook_book_ticker`;
// - `why` is valid for writing, and not within `*ticker`.
TickbookStatus tickbook_book_ticker_any(struct TickbookBook *book,
                                        struct TickbookTicker *ticker,
                                        struct TickbookWhy *why);

// `tickbook_book_ticker_any` at a time that the caller has just read from `CLOCK_MONOTONIC`, in
// nanoseconds.
//
// # Safety
//
// - as `tickbook_book_ticker_any`.
TickbookStatus tickbook_book_ticker_any_at(struct TickbookBook *book,
                                           int64_t now_ns,
                                           struct TickbookTicker *ticker,
                                           struct TickbookWhy *why);

// An exact decimal as the nearest double; not a number if there is none (`present` 0).
double tickbook_decimal_double(struct TickbookDecimal number);

// Writes an exact decimal, as `tickbook_price_text` does; nothing if there is none (`present` 0).
//
// # Safety
//
// - `text` is valid for writing `capacity` bytes, or `capacity` is 0.
size_t tickbook_decimal_text(struct TickbookDecimal number, char *text, size_t capacity);

// A price as the nearest double: exact to the last place, not to be added up.
double tickbook_price_double(int64_t price, int8_t price_exponent);

// A size as the nearest double.
double tickbook_size_double(uint64_t size, int8_t size_exponent);

// Writes a price as an exact decimal, like `61234.5`, with a zero byte behind it, as much of it as
// fits. Returns the bytes of the whole text, as `snprintf` does; 48 bytes hold every price.
//
// # Safety
//
// - `text` is valid for writing `capacity` bytes, or `capacity` is 0.
size_t tickbook_price_text(int64_t price, int8_t price_exponent, char *text, size_t capacity);

// Writes a size as an exact decimal, as `tickbook_price_text` does.
//
// # Safety
//
// - `text` is valid for writing `capacity` bytes, or `capacity` is 0.
size_t tickbook_size_text(uint64_t size, int8_t size_exponent, char *text, size_t capacity);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* TICKBOOK_H */
