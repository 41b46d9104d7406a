  static String text = "";

  static void run(boolean saves, String keys, Path state, int count) throws Exception {
    IntBuffer all = read(keys).asIntBuffer();
    Path beside = Paths.get(state + ".text");
    Keyboard keyboard = new Keyboard(Model.open());
    if (saves) {
      keyboard.add("Anneliese", 4.0f);
      while (all.position() < count) typed(keyboard, all.get());
      Files.write(state, keyboard.save(12));
      Files.write(beside, text.getBytes("UTF-8"));
      return;
    }
    keyboard.push('x');
    Shown shown = keyboard.restore(Files.readAllBytes(state));
    text = new String(Files.readAllBytes(beside), "UTF-8");
    all.position(count);
    print(shown);
    while (all.hasRemaining()) print(typed(keyboard, all.get()));
  }

  static Shown typed(Keyboard keyboard, int key) {
    Shown shown = key == 8 ? keyboard.back(text) : keyboard.push(key);
    text = shown.applyTo(text);
    return shown;
  }

  static void print(Shown shown) {
    StringBuilder line = new StringBuilder(text + "|" + shown.getTyping());
    for (Guess each : shown.getCompletions()) {
      line.append("|" + each.getText() + " " + Float.floatToIntBits(each.getShare()));
    }
    out.println(line);
  }
