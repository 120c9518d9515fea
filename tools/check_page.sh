#!/usr/bin/env bash
# That a page shows nothing but tested code: each of its ``` blocks must stand, word for word but for its indentation, in the
# file that the line before it names, as `<!-- examples/widget/widget.cc -->`. Prints "N blocks".
#   tools/check_page.sh PAGE
set -euo pipefail

cd "${BASH_SOURCE[0]%/*}/.."
exec perl -e '
  use strict;
  use warnings;
  sub text { open(my $file, "<", $_[0]) or die "$_[0]: $!\n"; local $/; return scalar <$file> }
  sub flush_left {
    my ($block) = @_;
    my ($margin) = sort { length $a <=> length $b } $block =~ /^([ \t]*)(?=\S)/mg;
    $block =~ s/^\Q$margin\E//mg if defined $margin;
    return $block;
  }
  my $page = $ARGV[0];
  my @lines = split /^/, text($page);
  my ($blocks, $bad, $before) = (0, 0, "");
  for (my $i = 0; $i < @lines; ++$i) {
    if ($lines[$i] =~ /^```/) {
      my ($start, $block) = ($i + 1, "");
      $block .= $lines[$i] while ++$i < @lines && $lines[$i] !~ /^```/;
      ++$blocks;
      my $problem;
      my ($file) = $before =~ /^<!-- (\S+) -->$/;
      if (!defined $file) { $problem = "names no file" }
      elsif ($block !~ /\S/) { $problem = "is empty" }
      else {
        # Each way the block can be cut out of the file: at the margin of the line where it would start.
        my $found = 0;
        my @source = split /^/, text($file);
        my $count = () = $block =~ /\n/g;
        for (my $at = 0; !$found && $at + $count <= @source; ++$at) {
          $found = flush_left(join "", @source[$at .. $at + $count - 1]) eq flush_left($block);
        }
        $problem = "is not in $file" if !$found;
      }
      if (defined $problem) { print STDERR "$page:$start: this block $problem\n"; ++$bad }
    }
    $before = $i < @lines ? $lines[$i] : "";
    chomp $before;
  }
  if (!$blocks) { print STDERR "$page: no block\n"; ++$bad }
  exit 1 if $bad;
  print "$blocks blocks\n";
' "$1"
