/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "daemon/base/digest.h"

static void published_vectors(void **state)
{
	/* The digests of published messages are the published ones (FIPS 180-2, appendix B). */
	(void)state;
	static const struct {
		const char *message, *digest;
	} cases[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		unsigned char digest[DIGEST_SIZE];
		char text[DIGEST_TEXT_SIZE];
		assert_int_equal(digest_bytes(cases[i].message, strlen(cases[i].message), digest),
				 0);
		assert_string_equal(digest_text(digest, text), cases[i].digest);
	}
}

static void text_comes_back(void **state)
{
	/* What is written of a digest is read back, in large letters too; nothing else is. */
	(void)state;
	uint64_t seed = random_seed();
	static const char *const wrong[] = {
		"",
		"ab",
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85",
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8555",
		"g3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85 ",
	};
	unsigned char was[DIGEST_SIZE], is[DIGEST_SIZE];
	for (int run = 0; run < 1000; run++) {
		char text[DIGEST_TEXT_SIZE];
		for (int i = 0; i < DIGEST_SIZE; i++) {
			was[i] = (unsigned char)random_next(&seed);
		}
		(void)digest_text(was, text);
		for (char *c = text; *c && run % 2; c++) {
			*c = (char)(*c >= 'a' ? *c - 'a' + 'A' : *c);
		}
		assert_int_equal(digest_parse(text, is), 0);
		assert_memory_equal(was, is, DIGEST_SIZE);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_int_equal(digest_parse(wrong[i], is), -EINVAL);
		assert_memory_equal(was, is, DIGEST_SIZE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors),
		cmocka_unit_test(text_comes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
