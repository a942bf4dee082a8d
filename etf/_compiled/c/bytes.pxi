# Bytes: numbers in network order, floats as bits, copying, comparing, hashing.

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>

    static inline uint32_t etf_get16(const unsigned char *p)
    { return ((uint32_t)p[0] << 8) | p[1]; }

    static inline uint32_t etf_get32(const unsigned char *p)
    { return ((uint32_t)p[0] << 24) | ((uint32_t)p[1] << 16)
           | ((uint32_t)p[2] << 8) | p[3]; }

    static inline uint64_t etf_get64(const unsigned char *p)
    { return ((uint64_t)etf_get32(p) << 32) | etf_get32(p + 4); }

    static inline void etf_put16(unsigned char *p, uint32_t v)
    { p[0] = (unsigned char)(v >> 8); p[1] = (unsigned char)v; }

    static inline void etf_put32(unsigned char *p, uint32_t v)
    { p[0] = (unsigned char)(v >> 24); p[1] = (unsigned char)(v >> 16);
      p[2] = (unsigned char)(v >> 8); p[3] = (unsigned char)v; }

    static inline void etf_put64(unsigned char *p, uint64_t v)
    { etf_put32(p, (uint32_t)(v >> 32)); etf_put32(p + 4, (uint32_t)v); }

    static inline double etf_double(uint64_t bits)
    { double d; memcpy(&d, &bits, 8); return d; }

    static inline uint64_t etf_bits(double d)
    { uint64_t bits; memcpy(&bits, &d, 8); return bits; }

    #define ETF_INFINITE(bits) ((((bits) >> 52) & 0x7FF) == 0x7FF)

    static inline uint64_t etf_mix(uint64_t a, uint64_t b)
    {
    #ifdef __SIZEOF_INT128__
        unsigned __int128 m = (unsigned __int128)a * b;
        return (uint64_t)m ^ (uint64_t)(m >> 64);
    #else
        a ^= b; a ^= a >> 32; a *= 0xd6e8feb86659fd93ULL; a ^= a >> 32;
        a *= 0xd6e8feb86659fd93ULL; return a ^ (a >> 32);
    #endif
    }

    static inline uint64_t etf_word(const unsigned char *p)
    { uint64_t w; memcpy(&w, p, 8); return w; }

    /* Hashes bytes with a secret; it need not be the same on other machines. */
    static inline uint64_t
    etf_hash(const unsigned char *p, size_t n, uint64_t seed, uint64_t factor)
    {
        uint64_t h = seed ^ n, w;
        while (n > 8) { h = etf_mix(h ^ etf_word(p), factor); p += 8; n -= 8; }
        if (n == 8) w = etf_word(p);
        else if (n >= 4) w = ((uint64_t)etf_get32(p) << 32) | etf_get32(p + n - 4);
        else if (n) w = ((uint32_t)p[0] << 16) | ((uint32_t)p[n >> 1] << 8) | p[n - 1];
        else w = 0;
        return etf_mix(h ^ w, factor);
    }

    /* memcpy, with the sizes of names and keys inline. */
    static inline void etf_copy(unsigned char *to, const void *from, size_t n)
    {
        const unsigned char *p = (const unsigned char *)from;
        if (n > 16) { memcpy(to, p, n); return; }
        if (n >= 8) {
            uint64_t a, b;
            memcpy(&a, p, 8); memcpy(&b, p + n - 8, 8);
            memcpy(to, &a, 8); memcpy(to + n - 8, &b, 8);
        } else if (n >= 4) {
            uint32_t a, b;
            memcpy(&a, p, 4); memcpy(&b, p + n - 4, 4);
            memcpy(to, &a, 4); memcpy(to + n - 4, &b, 4);
        } else if (n) {
            to[0] = p[0]; to[n >> 1] = p[n >> 1]; to[n - 1] = p[n - 1];
        }
    }

    /* Whether memcmp would give 0, with the sizes of names and keys inline. */
    static inline int etf_same(const void *from, const void *with, size_t n)
    {
        const unsigned char *p = (const unsigned char *)from;
        const unsigned char *q = (const unsigned char *)with;
        uint64_t difference = 0;
        size_t i;
        if (n > 32) return memcmp(p, q, n) == 0;
        if (n < 8) {
            for (i = 0; i < n; i++) difference |= (uint64_t)(p[i] ^ q[i]);
            return !difference;
        }
        for (i = 0; i + 8 < n; i += 8) difference |= etf_word(p + i) ^ etf_word(q + i);
        return !(difference | (etf_word(p + n - 8) ^ etf_word(q + n - 8)));
    }
    """
    uint32_t get16 "etf_get16"(const unsigned char*) nogil
    uint32_t get32 "etf_get32"(const unsigned char*) nogil
    uint64_t get64 "etf_get64"(const unsigned char*) nogil
    void put16 "etf_put16"(unsigned char*, uint32_t) nogil
    void put32 "etf_put32"(unsigned char*, uint32_t) nogil
    void put64 "etf_put64"(unsigned char*, uint64_t) nogil
    double double_of "etf_double"(uint64_t) nogil
    uint64_t bits_of "etf_bits"(double) nogil
    bint is_infinite "ETF_INFINITE"(uint64_t) nogil
    uint64_t mix "etf_mix"(uint64_t, uint64_t) nogil
    uint64_t hash_of "etf_hash"(
        const unsigned char*, size_t, uint64_t, uint64_t) nogil
    bint same "etf_same"(const void*, const void*, size_t) nogil
    void copy "etf_copy"(unsigned char*, const void*, size_t) nogil
    const uint64_t U32_MAX "((uint64_t)0xFFFFFFFFu)"
