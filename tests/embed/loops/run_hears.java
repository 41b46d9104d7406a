  static void run(boolean saves, String samples, Path state, int count) throws Exception {
    FloatBuffer all = read(samples).asFloatBuffer();
    @LOOP@ loop = new @LOOP@(Model.open());
    if (saves) {
      float[] part = new float[count];
      all.get(part);
      loop.push(part);
      Files.write(state, loop.save());
      return;
    }
    loop.push(new float[1000]); // what is restored takes its place
    loop.restore(Files.readAllBytes(state));
    float[] part = new float[all.capacity() - count];
    all.position(count);
    all.get(part);
    for (@WORD@ each : loop.push(part)) print(each);
    @FINISH@
  }

  static void print(@WORD@ word) {
    out.printf("%s %.3f %d%n", word.@TEXT@(), word.getTimeMs(), Float.floatToIntBits(word.getScore()));
  }
