"""How models are built: as tests, over another backend of the seam."""

load("@rules_cc//cc:defs.bzl", "cc_test")

COPTS = [
    "-Wall",
    "-Wextra",
    "-Werror",
    "-O1",
    # Relacy switches stacks by longjmp, which _FORTIFY_SOURCE takes for an error.
    "-U_FORTIFY_SOURCE",
    "-DHAFT_SYNC_BACKEND=\\\"tests/support/relacy_sync.h\\\"",
]

def haft_model(name):
    """The models in <name>.cc."""
    cc_test(
        name = name,
        size = "medium",
        srcs = [name + ".cc"],
        copts = COPTS,
        tags = ["model"],
        deps = [
            ":model",
            "//lib/haft",
            "//lib/haft/internal/process:any_table",
            "//lib/haft:counted_reclamation",
            "//lib/haft/internal/process:fast_path_gate",
            "//lib/haft/internal/process:loan",
            "//lib/haft/internal/diagnostics:handle_history",
            "//lib/haft/internal/base:handover_list",
            "//lib/haft/internal/base:lazy_instance",
            "//lib/haft/internal/base:reuse_list",
            "//lib/haft/internal/diagnostics:call_site_set",
        ],
    )
