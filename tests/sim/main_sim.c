/*
 * main_sim.c - runs worlds, and shows what went wrong in them.
 *
 *     failover_sim --seeds 2000              2000 worlds, a summary
 *     failover_sim --seed 17 --trace         one world, and what happens in it
 *     failover_sim --seeds 500 --until-wrong --without missing    shows what the rule is for
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim.h"

static const struct {
    const char *name;
    enum failover_rule rule;
} rules[] = {
    {"clear", RULE_CLEAR}, {"own", RULE_OWN},         {"fence", RULE_FENCE},
    {"check", RULE_CHECK}, {"missing", RULE_MISSING}, {"start", RULE_START},
    {"order", RULE_ORDER}, {"pending", RULE_PENDING}, {"forgot", RULE_FORGOT},
    {"meet", RULE_MEET},   {"collect", RULE_COLLECT}, {"recall", RULE_RECALL},
};

struct options {
    struct sim_config cfg;
    int64_t seeds, first;
    bool until_wrong; /* stop at the first world that goes wrong */
};

struct summary {
    int64_t worlds[2][2][2]; /* by number of instances, skew, divergence */
    int64_t failed, told[TOLD_UNKNOWN + 1];
    int64_t found[FINDING_KINDS][2]; /* worlds in which it is wrong; in which it is allowed */
    struct finding examples[FINDING_KINDS];
    int64_t seeds[FINDING_KINDS];
};

static int usage(void)
{
    fprintf(stderr, "failover_sim [--seeds N] [--first N] [--seed N] [--trace] [--until-wrong]\n"
                    "             [--without RULE,...] [--instances 1|2] [--skew MS]\n"
                    "             [--forget] [--collect]\nrules:");
    for (size_t i = 0; i < COUNT_OF(rules); i++)
        fprintf(stderr, " %s", rules[i].name);
    fprintf(stderr, "\n");
    return 2;
}

static bool read_number(const char *text, int64_t least, int64_t *out)
{
    char *end;

    *out = strtoll(text, &end, 10);
    return *text && !*end && *out >= least;
}

static bool read_rules(char *names, unsigned *without)
{
    for (char *name = strtok(names, ","); name; name = strtok(NULL, ",")) {
        size_t i = 0;

        while (i < COUNT_OF(rules) && strcmp(rules[i].name, name) != 0)
            i++;
        if (i == COUNT_OF(rules))
            return false;
        *without |= rules[i].rule;
    }
    return true;
}

static bool read_options(int argc, char **argv, struct options *o)
{
    static const struct option known[] = {
        {"seeds", 1, NULL, 'n'},   {"first", 1, NULL, 'f'},
        {"seed", 1, NULL, 's'},    {"trace", 0, NULL, 't'},
        {"without", 1, NULL, 'w'}, {"instances", 1, NULL, 'i'},
        {"skew", 1, NULL, 'k'},    {"until-wrong", 0, NULL, 'u'},
        {"forget", 0, NULL, 'F'},  {"collect", 0, NULL, 'C'},
        {NULL, 0, NULL, 0},
    };
    int64_t instances = 0;
    bool ok = true;
    int c;

    while (ok && (c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (c == 'n')
            ok = read_number(optarg, 1, &o->seeds);
        else if (c == 'f')
            ok = read_number(optarg, 0, &o->first);
        else if (c == 's')
            ok = read_number(optarg, 0, &o->first) && (o->seeds = 1);
        else if (c == 't')
            o->cfg.trace = true;
        else if (c == 'u')
            o->until_wrong = true;
        else if (c == 'F')
            o->cfg.forgets = true;
        else if (c == 'C')
            o->cfg.collects = true;
        else if (c == 'w')
            ok = read_rules(optarg, &o->cfg.without);
        else if (c == 'i')
            ok = read_number(optarg, 1, &instances) && instances <= INSTANCES;
        else if (c == 'k')
            ok = read_number(optarg, 0, &o->cfg.skew_ms);
        else
            ok = false;
    }
    o->cfg.instances = (int)instances;
    return ok && optind == argc;
}

static void add(struct summary *sum, int64_t seed, const struct sim_result *r)
{
    bool seen[FINDING_KINDS][2] = {{false}};

    sum->worlds[r->instances - 1][r->skew][r->diverged]++;
    sum->failed += sim_failed(r);
    for (int i = 0; i <= TOLD_UNKNOWN; i++)
        sum->told[i] += r->told[i];
    for (size_t i = 0; i < r->n_findings; i++) {
        const struct finding *f = &r->findings[i];

        if (seen[f->kind][f->allowed])
            continue;
        seen[f->kind][f->allowed] = true;
        if (!f->allowed)
            printf("seed %lld: %s: %s\n", (long long)seed, finding_name(f->kind), f->text);
        if (sum->found[f->kind][0] == 0) { /* one that is not allowed is the better example */
            sum->examples[f->kind] = *f;
            sum->seeds[f->kind] = seed;
        }
        sum->found[f->kind][f->allowed]++;
    }
}

static void show(const struct options *o, const struct summary *sum)
{
    printf("seeds %lld..%lld; changes: %lld done, %lld refused, %lld in doubt\n",
           (long long)o->first, (long long)(o->first + o->seeds - 1), (long long)sum->told[TOLD_OK],
           (long long)sum->told[TOLD_FAILED], (long long)sum->told[TOLD_UNKNOWN]);
    for (int n = 0; n < 2; n++)
        for (int skew = 0; skew < 2; skew++)
            for (int diverged = 0; diverged < 2; diverged++)
                if (sum->worlds[n][skew][diverged])
                    printf("  %6lld worlds of %d instance%s%s%s\n",
                           (long long)sum->worlds[n][skew][diverged], n + 1, n ? "s" : "",
                           skew ? ", skew" : "", diverged ? ", diverged" : "");
    for (int k = 0; k < FINDING_KINDS; k++)
        if (sum->found[k][0] + sum->found[k][1])
            printf("%-32s wrong in %lld worlds, allowed in %lld; seed %lld: %s\n",
                   finding_name((enum finding_kind)k), (long long)sum->found[k][0],
                   (long long)sum->found[k][1], (long long)sum->seeds[k], sum->examples[k].text);
    if (sum->failed)
        printf("%lld worlds went wrong\n", (long long)sum->failed);
    else
        printf("nothing went wrong\n");
}

int main(int argc, char **argv)
{
    struct options o = {.cfg = {.skew_ms = 800}, .seeds = 1000};
    struct summary sum = {.failed = 0};
    struct sim sim;

    if (!read_options(argc, argv, &o))
        return usage();
    sim_init(&sim, &o.cfg);
    for (int64_t i = 0; i < o.seeds; i++) {
        struct sim_result result;

        sim_run(&sim, (uint64_t)(o.first + i), &result);
        add(&sum, o.first + i, &result);
        if (o.until_wrong && sum.failed)
            o.seeds = i + 1;
    }
    sim_done(&sim);
    show(&o, &sum);
    return sum.failed > 0;
}
