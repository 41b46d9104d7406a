package edgernn.@NAME@;

import edgernn.@NAME@.EdgernnException.Reason;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.ref.PhantomReference;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;

/**
 * A model file that is loaded. Its seal is checked before the system sees it, and what the system
 * loads is a private copy: the file may be replaced or overwritten while streams run. It is
 * unloaded once nothing refers to it, neither a model nor a stream, when another is opened.
 */
final class Library {
  private static final byte[] SEAL = "edgernn sha256 ".getBytes(Native.UTF_8);
  private static final int HEX = 64;
  private static final int MACHINE_AT = 18;
  private static final int LEAST_BYTES = 64;
  private static final ReferenceQueue<Library> FORGOTTEN = new ReferenceQueue<>();
  private static final Set<Loaded> LOADED = new HashSet<>();

  final long model;

  private Library(long model) {
    this.model = model;
  }

  /** Remembers what to unload when its library is forgotten. */
  private static final class Loaded extends PhantomReference<Library> {
    private final long handle;

    Loaded(Library library, long handle) {
      super(library, FORGOTTEN);
      this.handle = handle;
    }
  }

  static synchronized Library load(File file) {
    unloadForgotten();
    byte[] data = read(file);
    check(file, data);
    long handle = loaded(file, data);
    long model = Native.model(handle);
    if (model == 0) {
      Native.unload(handle);
      throw new EdgernnException(
          Reason.OTHER_VERSION,
          file + ": holds no model of this package's form; make it with the same version of edgernn");
    }
    Library library = new Library(model);
    LOADED.add(new Loaded(library, handle));
    return library;
  }

  private static void unloadForgotten() {
    for (Reference<?> one = FORGOTTEN.poll(); one != null; one = FORGOTTEN.poll()) {
      Native.unload(((Loaded) one).handle);
      LOADED.remove(one);
    }
  }

  private static byte[] read(File file) {
    try (InputStream from = new FileInputStream(file)) {
      ByteArrayOutputStream data = new ByteArrayOutputStream();
      byte[] part = new byte[65536];
      for (int bytes = from.read(part); bytes >= 0; bytes = from.read(part)) {
        data.write(part, 0, bytes);
      }
      return data.toByteArray();
    } catch (IOException cause) {
      throw bad(file + ": cannot be read: " + cause.getMessage(), cause);
    }
  }

  private static void check(File file, byte[] data) {
    int end = data.length - SEAL.length - HEX;
    boolean sealed = end >= LEAST_BYTES
        && Arrays.equals(Arrays.copyOfRange(data, end, end + SEAL.length), SEAL);
    if (!sealed) {
      throw bad(file + ": its " + data.length + " bytes are no model file, or cut short; "
          + "fetch it again", null);
    }
    String told = new String(data, end + SEAL.length, HEX, Native.UTF_8);
    String found = sha256(data, end);
    if (!found.equals(told)) {
      throw bad(file + ": is damaged: sha256 " + found.substring(0, 12) + "..., its seal says "
          + told.substring(0, 12) + "...; fetch it again", null);
    }
    int machine = (data[MACHINE_AT] & 0xff) | (data[MACHINE_AT + 1] & 0xff) << 8;
    if (machine != Native.machine()) {
      throw bad(file + ": is for " + abi(machine) + ", this process runs "
          + abi(Native.machine()) + "; take the file of models/" + abi(Native.machine()), null);
    }
  }

  private static String abi(int machine) {
    switch (machine) {
      case 183: return "arm64-v8a";
      case 40: return "armeabi-v7a";
      case 62: return "x86_64";
      default: return "ELF machine " + machine;
    }
  }

  private static String sha256(byte[] data, int bytes) {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException cause) {
      throw new AssertionError(cause); // every Java has it
    }
    digest.update(data, 0, bytes);
    StringBuilder hex = new StringBuilder();
    for (byte each : digest.digest()) {
      hex.append(String.format(Locale.ROOT, "%02x", each));
    }
    return hex.toString();
  }

  /** By a copy in the folder for temporary files, an app's own cache, that is gone at once. */
  private static long loaded(File file, byte[] data) {
    File copy = null;
    try {
      copy = File.createTempFile("edgernn", ".so");
      try (OutputStream to = new FileOutputStream(copy)) {
        to.write(data);
      }
      long handle = Native.load(Native.text(copy.getPath()));
      if (handle == 0) {
        throw bad(file + ": the system cannot load it: " + Native.fault(), null);
      }
      return handle;
    } catch (IOException cause) {
      throw bad(file + ": no copy could be made in " + System.getProperty("java.io.tmpdir") + ": "
          + cause.getMessage(), cause);
    } finally {
      if (copy != null) {
        copy.delete();
      }
    }
  }

  private static EdgernnException bad(String message, Throwable cause) {
    return new EdgernnException(Reason.BAD_MODEL, message, cause);
  }
}
