/* A CUDA driver whose GPU is this computer's memory: what engine_cuda calls, with malloc and
   memcpy, a stream that computes at once, and graphs that are lists of what was put on it. It
   proves arguments and order. FAKE_CUDA_INIT and FAKE_CUDA_COUNT set what a broken one says;
   FAKE_CUDA_NO_CAPTURE makes recording fail as an operation that cannot be recorded does. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MOST 64
enum { UNINITIALIZED = 3, INVALID = 1, INVALIDATED = 901 };

typedef void (*Work)(void);
typedef struct { void *to; const void *from; size_t size; Work work; } Step;
typedef struct { Step steps[MOST]; int count; } Graph;

static int initialised, live_memory, live_graphs, live_streams, retained, replays;
static Graph *capturing;
static __thread void *current;

static int number(const char *name, int usual) {
    const char *set = getenv(name);
    return set ? atoi(set) : usual;
}

static int put(Step step) {
    if (!current) return 201;                    /* INVALID_CONTEXT */
    if (capturing) {
        if (capturing->count == MOST) return INVALID;
        capturing->steps[capturing->count++] = step;
        return 0;
    }
    if (step.work) step.work(); else memcpy(step.to, step.from, step.size);
    return 0;
}

int cuInit(unsigned flags) {
    int code = number("FAKE_CUDA_INIT", 0);
    initialised = !code && !flags;
    return code;
}
int cuDriverGetVersion(int *version) { *version = 13020; return 0; }
int cuGetErrorName(int code, const char **name) {
    *name = code == 100 ? "CUDA_ERROR_NO_DEVICE" : code == 2 ? "CUDA_ERROR_OUT_OF_MEMORY" : 0;
    return *name ? 0 : INVALID;
}
int cuDeviceGetCount(int *count) {
    *count = number("FAKE_CUDA_COUNT", 1);
    return initialised ? 0 : UNINITIALIZED;
}
int cuDeviceGet(int *device, int ordinal) {
    *device = 7;
    return initialised && !ordinal ? 0 : INVALID;
}
int cuDeviceGetName(char *name, int size, int device) {
    if (device != 7) return INVALID;
    strncpy(name, "Fake GPU", size);
    return 0;
}
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    if (device != 7) return INVALID;
    switch (attribute) {
    case 13: *value = 2000000; break;
    case 16: *value = 100; break;
    case 36: *value = 10000000; break;
    case 37: *value = 400; break;
    case 75: *value = 8; break;
    case 76: *value = 9; break;
    default: return INVALID;
    }
    return 0;
}
int cuDeviceTotalMem_v2(size_t *bytes, int device) {
    *bytes = (size_t)24 << 30;                   /* more than 32 bits hold */
    return device == 7 ? 0 : INVALID;
}
int cuDevicePrimaryCtxRetain(void **context, int device) {
    *context = &retained;
    retained++;
    return device == 7 ? 0 : INVALID;
}
int cuDevicePrimaryCtxRelease_v2(int device) { retained--; return device == 7 ? 0 : INVALID; }
int cuCtxSetCurrent(void *context) {
    current = context;
    return context == &retained ? 0 : INVALID;
}
int cuMemGetInfo_v2(size_t *free, size_t *total) {
    *total = (size_t)24 << 30;
    *free = *total - 5000000;
    return current ? 0 : 201;
}
int cuMemAlloc_v2(uint64_t *address, size_t size) {
    if (!current) return 201;
    if (size > (size_t)1 << 32) return 2;
    *address = (uint64_t)(uintptr_t)malloc(size);
    live_memory++;
    return 0;
}
int cuMemFree_v2(uint64_t address) {
    free((void *)(uintptr_t)address);
    live_memory--;
    return 0;
}
int cuMemHostAlloc(void **address, size_t size, unsigned flags) {
    if (!current || flags) return INVALID;
    *address = malloc(size > (size_t)1 << 32 ? 1 : size);
    live_memory++;
    return 0;
}
int cuMemFreeHost(void *address) { free(address); live_memory--; return 0; }
static int stream_is(void *stream) { return stream == &live_streams && live_streams > 0; }
int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t size, void *stream) {
    Step step = {(void *)(uintptr_t)to, from, size, 0};
    return stream_is(stream) ? put(step) : INVALID;
}
int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t size, void *stream) {
    Step step = {to, (void *)(uintptr_t)from, size, 0};
    return stream_is(stream) ? put(step) : INVALID;
}
int cuStreamCreate(void **stream, unsigned flags) {
    *stream = &live_streams;
    live_streams++;
    return flags == 1 ? 0 : INVALID;
}
int cuStreamSynchronize(void *stream) { return capturing ? 900 : stream_is(stream) ? 0 : INVALID; }
int cuStreamDestroy_v2(void *stream) {
    int known = stream_is(stream);
    live_streams--;
    return known ? 0 : INVALID;
}
int cuStreamBeginCapture_v2(void *stream, int mode) {
    if (!stream_is(stream) || mode != 1 || capturing) return INVALID;
    capturing = calloc(1, sizeof *capturing);
    return 0;
}
int cuStreamEndCapture(void *stream, void **graph) {
    Graph *found = capturing;
    if (!stream_is(stream) || !found) return INVALID;
    capturing = 0;
    if (getenv("FAKE_CUDA_NO_CAPTURE")) { free(found); *graph = 0; return INVALIDATED; }
    *graph = found;
    live_graphs++;
    return 0;
}
int cuGraphInstantiateWithFlags(void **executable, void *graph, uint64_t flags) {
    Graph *copy = malloc(sizeof *copy);
    memcpy(copy, graph, sizeof *copy);
    *executable = copy;
    live_graphs++;
    return flags ? INVALID : 0;
}
int cuGraphLaunch(void *executable, void *stream) {
    Graph *graph = executable;
    int i, code;
    replays++;
    for (i = 0; i < graph->count; i++)
        if ((code = put(graph->steps[i]))) return code;
    return stream_is(stream) ? 0 : INVALID;
}
int cuGraphExecDestroy(void *executable) { free(executable); live_graphs--; return 0; }
int cuGraphDestroy(void *graph) { free(graph); live_graphs--; return 0; }

/* not CUDA's: a kernel, and what the tests look at */
int fakeEnqueue(Work work, void *stream) {
    Step step = {0, 0, 0, work};
    return stream_is(stream) ? put(step) : INVALID;
}
int fakeLive(void) { return live_memory + live_graphs + live_streams + retained; }
int fakeCapturing(void) { return capturing != 0; }
int fakeReplays(void) { return replays; }
