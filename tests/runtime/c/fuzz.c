/* fuzz PACKAGE COUNT SEED: opens COUNT damaged packages. Those in which only the manifest is changed get their checksums
 * made right, so that its reader sees the damage. Whatever loads must also run. */
#include "symc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned long long state;

static size_t draw(size_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return below ? (size_t)(state >> 33) % below : 0;
}

static unsigned read16(const unsigned char *at) { return at[0] | (unsigned)at[1] << 8; }

static unsigned crc_of(const unsigned char *at, size_t bytes)
{
    unsigned sum = 0xFFFFFFFFu;
    while (bytes--) {
        sum ^= *at++;
        for (int bit = 0; bit < 8; bit++)
            sum = sum >> 1 ^ (sum & 1 ? 0xEDB88320u : 0);
    }
    return ~sum;
}

static void damage(unsigned char *at, size_t bytes)
{
    static const char *const pieces[] = {"{", "}", "[", "]", "\"", ":", ",", "\\", "18446744073709551615", "-1", "0.5",
                                         "1e9", "null", "\"format\"", "\"file\"", "\"../x\"", "\xff\xff\xff\xff"};
    for (size_t i = 1 + draw(4); i--;) {
        size_t place = draw(bytes), length = 1 + draw(bytes - place < 40 ? bytes - place : 40);
        const char *piece = pieces[draw(sizeof pieces / sizeof *pieces)];
        switch (draw(5)) {
        case 0: at[place] ^= (unsigned char)(1u << draw(8)); break;
        case 1: at[place] = (unsigned char)draw(256); break;
        case 2: memset(at + place, (int)draw(2) * 255, length); break;
        case 3: memmove(at + draw(bytes - length + 1), at + place, length); break;
        default: memcpy(at + place, piece, strlen(piece) < bytes - place ? strlen(piece) : bytes - place);
        }
    }
}

/* Whether nothing but the manifest is damaged; its sums agree then. The manifest comes first in a package. */
static int damage_manifest(unsigned char *image, size_t bytes)
{
    size_t start = 30 + read16(image + 26) + read16(image + 28);
    size_t length = read16(image + 22) | (size_t)read16(image + 24) << 16;
    damage(image + start, length);
    unsigned sum = crc_of(image + start, length);
    for (size_t at = bytes - 22; at--;) {
        if (!memcmp(image + at, "PK\1\2", 4) && !memcmp(image + at + 46, "manifest.json", 13)) {
            for (int i = 0; i < 4; i++)
                image[at + 16 + (size_t)i] = image[14 + i] = (unsigned char)(sum >> 8 * i);
            return 1;
        }
    }
    return 0;
}

static int use(symc_module *module)
{
    symc_executor *executor;
    size_t inputs = 0;
    void *data;
    int status = symc_executor_create(module, &executor);
    if (status)
        return status;
    symc_count(executor, SYMC_INPUT, &inputs);
    for (size_t i = 0; i < inputs; i++) {
        symc_array array;
        symc_describe(executor, SYMC_INPUT, i, &array);
        symc_data(executor, SYMC_INPUT, i, &data);
        memset(data, 0, array.bytes);
    }
    status = symc_forward(executor, 0);
    symc_executor_destroy(executor);
    return status == SYMC_ERROR_UNSUPPORTED ? SYMC_OK : status;     /* packages for training */
}

int main(int argc, char **argv)
{
    FILE *file = argc == 4 ? fopen(argv[1], "rb") : NULL;
    static unsigned char original[1 << 24], changed[1 << 24];
    size_t bytes = file ? fread(original, 1, sizeof original, file) : 0, counts[10] = {0};
    long long count = argc == 4 ? atoll(argv[2]) : 0;
    if (!bytes)
        return 2;
    fclose(file);
    state = strtoull(argv[3], NULL, 10);
    for (long long i = 0; i < count; i++) {
        symc_module *module = NULL;
        size_t length = draw(8) ? bytes : draw(bytes);
        memcpy(changed, original, bytes);
        if (draw(2))
            damage_manifest(changed, bytes);
        else if (draw(2))
            damage(changed + bytes - (bytes < 2000 ? bytes : 2000), bytes < 2000 ? bytes : 2000);
        else
            damage(changed, bytes);
        int status = symc_module_open_copy(changed, length, &module);
        counts[status]++;
        if (!status && use(module))
            return fprintf(stderr, "%lld: loads, but does not run: %s\n", i, symc_last_error()), 1;
        symc_module_close(module);
    }
    printf("%lld damaged packages:", count);
    for (int i = 0; i < 10; i++)
        printf(" %zu", counts[i]);
    puts(" by status");
    return 0;
}
