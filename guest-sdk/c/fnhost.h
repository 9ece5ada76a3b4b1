/* fnhost for C and C++: contract 2, a core module.
 *
 * Define `void handle(void)` behind FNHOST_HANDLER; the host calls it once for each invocation, in a fresh instance:
 *
 *     #include "fnhost.h"
 *
 *     FNHOST_HANDLER void handle(void) {
 *         static const char result[] = "{\"hello\":\"world\"}";
 *         fnhost_respond(result, sizeof result - 1);
 *     }
 *
 * Build with any clang that has a wasm32-wasi C library, as a reactor:
 *
 *     zig cc -target wasm32-wasi -mexec-model=reactor -Os -Wl,--stack,65536 -I guest-sdk/c guest.c -o guest.wasm
 *
 * All texts are UTF-8 without a 0 byte at the end; all lengths are bytes. A pointer or length that lies outside the
 * memory ends the invocation by a trap. Stdout and stderr are the log. Environment, clocks and randomness are those of
 * the C library. A trap, or an exit code other than 0, loses whatever was responded. */

#ifndef FNHOST_H
#define FNHOST_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define FNHOST_IMPORT(name) extern "C" __attribute__((import_module("fnhost_v1"), import_name(name)))
#define FNHOST_HANDLER extern "C" __attribute__((export_name("handle")))
#else
#define FNHOST_IMPORT(name) extern __attribute__((import_module("fnhost_v1"), import_name(name)))
#define FNHOST_HANDLER __attribute__((export_name("handle")))
#endif

#ifdef __wasm64__
#error "fnhost's contract 2 has 32-bit pointers: build for wasm32"
#endif

/* The event, a JSON text: ask for its length, then have it copied to a buffer of at least that length. */
FNHOST_IMPORT("event_len") uint32_t fnhost_event_len(void);
FNHOST_IMPORT("event_read") void fnhost_event_read(char *buffer);

/* The context, one JSON object: request_id, function_name, function_version, invoked_function_arn, memory_limit_mb,
 * deadline_ms, log_group_name, log_stream_name, trace_id, client_context, identity. The last three may be null. */
FNHOST_IMPORT("context_len") uint32_t fnhost_context_len(void);
FNHOST_IMPORT("context_read") void fnhost_context_read(char *buffer);

/* Gives the result, a JSON text. The host copies it before it returns. Of several calls of this and fnhost_fail the
 * last one wins; returning from handle without any gives null. */
FNHOST_IMPORT("respond") void fnhost_respond(const char *json, uint32_t len);

/* Reports an error: {"errorType":"...","errorMessage":"...","stackTrace":["..."]}. The invocation goes on:
 * return from handle afterwards. */
FNHOST_IMPORT("fail") void fnhost_fail(const char *json, uint32_t len);

/* Milliseconds until the host stops the invocation. */
FNHOST_IMPORT("remaining_ms") int64_t fnhost_remaining_ms(void);

/* Calls a host function that this function was granted, with a JSON text. Gives the length of its answer, a JSON text
 * that fnhost_call_read then copies. A negative number says that the call failed; its absolute value is the length of
 * the error object that fnhost_call_read then copies. Each call replaces the answer before. */
FNHOST_IMPORT("call") int32_t fnhost_call(const char *name, uint32_t name_len, const char *input, uint32_t input_len);
FNHOST_IMPORT("call_read") void fnhost_call_read(char *buffer);

/* Says why the guest is about to abort. Changes nothing by itself: if the guest does trap, the error that the caller
 * sees holds this text. */
FNHOST_IMPORT("panicked") void fnhost_panicked(const char *message, uint32_t len);

#endif
