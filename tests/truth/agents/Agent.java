/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An agent on the JVM with a plain socket. Commands as README.md has them.
 *
 *     java Agent ADDRESS PORT FIFO */
import java.io.BufferedReader;
import java.io.FileReader;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;

public class Agent {
    static Socket socket = new Socket();
    static Object nothing;

    static void rest(String milliseconds) throws Exception {
        Thread.sleep(Long.parseLong(milliseconds));
    }

    /* Compiled code has no null checks: it takes the SIGSEGV. */
    static int fault() {
        int caught = 0;
        for (int i = 0; i < 50000; i++) {
            try {
                caught += nothing.hashCode();
            } catch (NullPointerException expected) {
                caught++;
            }
        }
        return caught;
    }

    static void read() {
        try {
            InputStream in = socket.getInputStream();
            byte[] buffer = new byte[4096];
            while (in.read(buffer) > 0) { }
            socket.close();
        } catch (Exception closed) { }
    }

    static void abort() throws Exception {
        socket.setSoLinger(true, 0);
        socket.close();
    }

    static void obey(String[] words) throws Exception {
        switch (words[0]) {
        case "send": socket.getOutputStream().write('x'); break;
        case "close": case "give-up": socket.close(); break;
        case "abort": abort(); break;
        case "exit": Runtime.getRuntime().halt(Integer.parseInt(words[1])); break;
        case "give-up-exit": socket.close(); Runtime.getRuntime().halt(Integer.parseInt(words[1])); break;
        case "close-exit": socket.close(); rest(words[1]); Runtime.getRuntime().halt(Integer.parseInt(words[2])); break;
        case "abort-exit": abort(); rest(words[1]); Runtime.getRuntime().halt(Integer.parseInt(words[2])); break;
        case "fault": fault(); break;
        case "helper-crash": new ProcessBuilder("sh", "-c", "kill -SEGV $$").start(); break;
        case "helper-idle": new ProcessBuilder("sleep", "30").start(); break;
        }
    }

    public static void main(String[] words) throws Exception {
        socket.connect(new InetSocketAddress(words[0], Integer.parseInt(words[1])));
        socket.getOutputStream().write("hello".getBytes());
        Thread reader = new Thread(Agent::read);
        reader.setDaemon(true);
        reader.start();
        try (BufferedReader commands = new BufferedReader(new FileReader(words[2]))) {
            for (String line; (line = commands.readLine()) != null; )
                obey(line.split(" "));
        }
    }
}
