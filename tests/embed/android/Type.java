import edgernn.@NAME@.EdgernnException;
import edgernn.@NAME@.Guess;
import edgernn.@NAME@.Keyboard;
import edgernn.@NAME@.Model;
import edgernn.@NAME@.Shown;
import java.util.ArrayList;
import java.util.List;

/** A text that is typed, key by key; then what a keyboard refuses. */
public final class Type {
  static String text = "";

  static void show(Shown shown) {
    text = shown.applyTo(text);
    List<String> offers = new ArrayList<>();
    for (Guess each : shown.getCompletions()) {
      offers.add(each.getText() + " " + Math.round(each.getShare() * 1e6));
    }
    for (Guess each : shown.getReadings()) {
      offers.add(each.getText() + " " + Math.round(each.getShare() * 1e6));
    }
    String revised = shown.getRevision() == null ? ""
        : shown.getRevision().getBefore() + ">" + shown.getRevision().getAfter();
    System.out.println(text + "|" + shown.getTyping() + "|" + String.join(",", offers) + "|" + revised);
  }

  static void told(Runnable act) {
    try {
      act.run();
      System.out.println("no error");
    } catch (EdgernnException cause) {
      System.out.println(cause.getReason() + "|" + cause.getMessage());
    }
  }

  public static void main(String[] args) {
    Keyboard keyboard = new Keyboard(Model.open(), new Keyboard.Options().suggestions(4));
    args[0].codePoints().forEach(each -> show(keyboard.push(each)));
    System.out.println("--");
    show(keyboard.back(text));
    show(keyboard.accept("Zo\u00eb"));
    keyboard.add("Anneliese", 1.0f);
    keyboard.keep("teh");
    "teh ".codePoints().forEach(each -> show(keyboard.push(each, 0.1f, -0.1f)));
    keyboard.begin();
    System.out.println("--");
    told(() -> keyboard.accept("two words"));
    told(() -> keyboard.accept(""));
    told(() -> keyboard.add("Anneliese", 1.0f));
    told(() -> keyboard.add("x\0y", 1.0f));
    told(() -> keyboard.add("fine", Float.NaN));
    told(() -> keyboard.accept(new String(new char[5000]).replace('\0', 'x')));
    told(() -> new Keyboard(Model.open(), new Keyboard.Options().beam(0)));
    told(() -> new Keyboard(Model.open(), new Keyboard.Options().back(1 << 30)));
    keyboard.close();
    keyboard.close();
    told(() -> keyboard.push('a'));
  }
}
