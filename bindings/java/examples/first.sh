#!/usr/bin/env bash
# The first lines of the README, in a folder that has the checkout as `haft`.
set -euo pipefail

haft/bindings/java/build.sh jars
cat > First.java << 'END'
import haft.Handle;
import haft.StaleHandleException;

public class First {
  public static void main(String[] arguments) {
    Handle<String> handle = new Handle<>("hello");
    long word = handle.word(); // C keeps this
    System.out.println(Handle.objectOf(word, String.class));
    handle.close();
    try {
      Handle.objectOf(word);
    } catch (StaleHandleException e) {
      System.out.println(e.getMessage());
    }
  }
}
END
java -cp jars/haft-0.1.0.jar First.java
