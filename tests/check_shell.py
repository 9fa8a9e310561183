"""The SQL shell on a terminal, as a user meets it: typed, completed, recalled, interrupted.

    python tests/check_shell.py target/debug/tokentape

Needs pexpect. Run from the repository's root.
"""

import os
import re
import sys
import tempfile
from pathlib import Path

import pexpect

TRACE = "traces/gemma3-270m-pair"
# The editor asks for bracketed paste whenever it begins to read a line.
READY = re.escape("\x1b[?2004h")
CTRL_C, CTRL_D, TAB, UP = "\x03", "\x04", "\t", "\x1b[A"


class Shell:
    """A shell on a terminal of its own."""

    def __init__(self, program, history, width=100, **environment):
        environment = os.environ | {"TERM": "xterm", "NO_COLOR": "1", "TOKENTAPE_HISTORY": str(history)} | environment
        self.terminal = pexpect.spawn(program, ["sql", TRACE], env=environment, dimensions=(40, width),
                                      encoding="utf-8", timeout=60)
        self.terminal.expect(READY)

    def type(self, keys):
        self.terminal.send(keys)

    def answer(self, keys):
        """What is shown from the keys on, until the shell reads again."""
        self.type(keys)
        self.terminal.expect(READY)
        return self.terminal.before

    def shows(self, text):
        self.terminal.expect_exact(text)

    def leaves(self, keys):
        self.type(keys)
        self.terminal.expect(pexpect.EOF)
        self.terminal.close()
        assert self.terminal.exitstatus == 0, (self.terminal.exitstatus, self.terminal.before)


def a_statement_goes_over_several_lines_until_its_semicolon(shell):
    said = shell.answer("select ';' as sign,\r 41 + 1 as answer\r;\r")
    assert " sign   answer" in said and " ;          42" in said and "(1 row)" in said, said


def tab_completes_tables_and_columns(shell):
    said = shell.answer(f"select efficiency_sp{TAB} from run_me{TAB} limit 1;\r")
    assert "efficiency_span_percent" in said and "(1 row)" in said, said
    said = shell.answer(f"select count(*) as rows from {TAB}{TAB}runs;\r")
    assert "request_metrics" in said and "(1 row)" in said, said
    said = shell.answer(f"\\d sess{TAB}\r")
    assert "started_at" in said and "One row a session" in said, said


def an_error_is_one_sentence_and_the_shell_goes_on(shell):
    said = shell.answer("select nonsense from runs;\r")
    lines = [line for line in said.splitlines() if line.startswith("tokentape: ")]
    assert len(lines) == 1 and "nonsense" in lines[0], said
    said = shell.answer("\\nonsense\r")
    assert "there is no command \\nonsense" in said, said
    assert "(1 row)" in shell.answer("select 1;\r")


def ctrl_c_clears_the_line(shell):
    shell.type("select 'never asked")
    shell.shows("never asked")
    said = shell.answer(CTRL_C)
    assert "(1 row)" not in said, said
    assert "(1 row)" in shell.answer("select 2;\r")


def ctrl_c_interrupts_a_query(shell):
    endless = "select count(*) from generate_series(1, 1000000000) a cross join generate_series(1, 1000000) b;"
    shell.type(f"{endless}\r")
    # The editor has left the terminal to the query.
    shell.shows("\x1b[?2004l")
    said = shell.answer(CTRL_C)
    assert "tokentape: interrupted" in said, said
    assert "(1 row)" in shell.answer("select 3;\r")


def what_is_too_wide_is_fitted_and_said(shell):
    said = shell.answer("select * from run_metrics;\r")
    assert "left out, from" in said and "…" in said, said
    drawn = [line for line in said.splitlines() if "──" in line]
    assert len(drawn[0]) <= 100, drawn
    whole = shell.answer("\\format csv\r") + shell.answer("select * from run_metrics limit 1;\r")
    assert "contention_ttft" in whole, whole
    shell.answer("\\format table\r")


def commands_say_what_there_is(shell):
    assert "run_metrics" in shell.answer("\\d\r")
    assert "welch(x, second)" in shell.answer("\\df welch\r")
    assert "budget" in shell.answer("\\questions\r")
    assert "speedup_span" in shell.answer("\\run runs\r")
    shell.answer("\\timing\r")
    assert re.search(r"\(1 row in [0-9.]+ ms\)", shell.answer("select 4;\r"))


def history_is_recalled_in_the_next_session(program, history):
    first = Shell(program, history)
    first.answer("select 'first' as\r recalled;\r")
    first.leaves("\\q\r")
    second = Shell(program, history)
    said = second.answer(f"{UP}{UP}\r")
    assert "(1 row)" in said and "first" in said, said
    second.leaves(CTRL_D)
    assert history.stat().st_mode & 0o077 == 0, "others can read the history"


def a_history_that_cannot_be_written_is_done_without(program, folder):
    in_the_way = folder / "file"
    in_the_way.write_text("")
    shell = Shell(program, in_the_way / "history")
    said = shell.answer("select 5;\r")
    assert "(1 row)" in said and "this session will be forgotten" in said, said
    assert "forgotten" not in shell.answer("select 6;\r")
    shell.leaves("quit\r")


def the_prompt_is_coloured_unless_nobody_wants_it(program, history):
    coloured = "\x1b[1;36msql>"
    shell = Shell(program, history, NO_COLOR="")
    shell.shows(coloured)
    shell.leaves(CTRL_D)
    shell = Shell(program, history)
    assert coloured not in shell.answer("select 7;\r")
    shell.leaves(CTRL_D)


def main(program):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        shell = Shell(program, folder / "state" / "history")
        for check in [a_statement_goes_over_several_lines_until_its_semicolon, tab_completes_tables_and_columns,
                      an_error_is_one_sentence_and_the_shell_goes_on, ctrl_c_clears_the_line,
                      ctrl_c_interrupts_a_query, what_is_too_wide_is_fitted_and_said, commands_say_what_there_is]:
            check(shell)
            print(check.__name__.replace("_", " "))
        shell.leaves(CTRL_D)
        history_is_recalled_in_the_next_session(program, folder / "recalled")
        a_history_that_cannot_be_written_is_done_without(program, folder)
        the_prompt_is_coloured_unless_nobody_wants_it(program, folder / "coloured")
    print("the shell is as it should be")


if __name__ == "__main__":
    main(*sys.argv[1:])
