// Reads messages with the Unity package's parser and prints a line of each: `Reader files FILE...`, `Reader live ENDPOINT`
// until goodbye, over real libzmq, `Reader mutate COUNT FILE...`; `Reader timed ENDPOINT` tells when each frame came.
// tests/foreign.py makes the same lines in Python.
using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text;
using VoxMesh;

internal static class Reader
{
    private static float[] numbers = new float[3 << 20], weights = new float[VoxMeshMessage.MaxWeights];

    private static int Main(string[] words)
    {
        if (words[0] == "live" || words[0] == "timed")
            return Live(words[1], words[0] == "timed");
        if (words[0] == "mutate")
            return Mutate(int.Parse(words[1]), words.Skip(2).Select(File.ReadAllBytes).ToArray());
        foreach (string file in words.Skip(1))
            Console.WriteLine(Line(File.ReadAllBytes(file)));
        return 0;
    }

    private static string Line(byte[] data)
    {
        // In the middle of a buffer, as NetMQ gives them.
        byte[] shifted = new byte[data.Length + 12];
        data.CopyTo(shifted, 5);
        VoxMeshMessage m;
        VoxMeshTopology t;
        string refusal;
        if (!VoxMeshMessage.TryParse(shifted, 5, data.Length, out m, out refusal))
            return "refused";
        if (m.Kind == MessageKind.Bye)
            return "bye " + m.SessionName();
        if (m.Kind == MessageKind.Topology)
        {
            if (!VoxMeshTopology.TryRead(m, out t, out refusal))
                return "refused";
            int nose;
            return Join("topology", t.Session, m.Count, t.Faces.Length / 3, t.SampleRate, t.FpsNum, t.FpsDen,
                Crc(t.Template, t.Template.Length), Crc(t.Faces, t.Faces.Length),
                Crc(Encoding.UTF8.GetBytes(string.Join("\n", t.BlendshapeNames))), t.Landmarks.Count,
                t.Landmarks.TryGetValue("nose_tip", out nose) ? nose : -1);
        }
        string stamps = Join(m.SessionName(), m.Index, m.Sample, m.CapturedNs, m.PublishedNs, m.LookaheadSamples, m.SampleRate);
        if (m.Kind == MessageKind.Audio)
        {
            m.ReadSamples(numbers);
            return Join("audio", stamps, m.Count, Crc(numbers, m.Count));
        }
        m.ReadVertices(numbers);
        m.ReadWeights(weights);
        return Join("frame", stamps, m.Count, m.Weights, Crc(numbers, 3 * m.Count), Crc(weights, m.Weights));
    }

    private static string Join(params object[] parts)
    {
        return string.Join(" ", parts.Select(part => Convert.ToString(part, CultureInfo.InvariantCulture)));
    }

    private static string Crc(Array values, int count)
    {
        byte[] data = new byte[4 * count];
        Buffer.BlockCopy(values, 0, data, 0, data.Length);
        return Crc(data);
    }

    private static string Crc(byte[] data)
    {
        uint crc = 0xFFFFFFFF;
        foreach (byte one in data)
        {
            crc ^= one;
            for (int bit = 0; bit < 8; bit++)
                crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xEDB88320 : 0);
        }
        return (~crc).ToString("x8");
    }

    /// <summary>Changed, cut and lengthened messages: a line or a refusal, never an exception.</summary>
    private static int Mutate(int count, byte[][] seeds)
    {
        Random random = new Random(1);
        int refused = 0;
        for (int i = 0; i < count; i++)
        {
            byte[] data = (byte[])seeds[i % seeds.Length].Clone();
            if (random.Next(3) == 0)
                Array.Resize(ref data, random.Next(data.Length + 9));
            for (int k = random.Next(1, 6); k > 0 && data.Length > 0; k--)
                data[random.Next(random.Next(2) == 0 ? Math.Min(96, data.Length) : data.Length)] = (byte)random.Next(256);
            refused += Line(data) == "refused" ? 1 : 0;
        }
        Console.WriteLine("mutations " + count + " refused " + refused);
        return 0;
    }

    [DllImport("libzmq.so.5")] private static extern IntPtr zmq_ctx_new();
    [DllImport("libzmq.so.5")] private static extern IntPtr zmq_socket(IntPtr context, int type);
    [DllImport("libzmq.so.5")] private static extern int zmq_setsockopt(IntPtr socket, int option, byte[] value, UIntPtr size);
    [DllImport("libzmq.so.5")] private static extern int zmq_connect(IntPtr socket, string endpoint);
    [DllImport("libzmq.so.5")] private static extern int zmq_recv(IntPtr socket, byte[] buffer, UIntPtr size, int flags);

    [DllImport("libc")] private static extern int clock_gettime(int clock, long[] time);

    /// <summary>With `timed`, a line a frame of its index, when it was sent and when its vertices were read,
    /// monotonic nanoseconds.</summary>
    private static int Live(string endpoint, bool timed)
    {
        const int Sub = 2, Subscribe = 6, Timeout = 27;
        IntPtr socket = zmq_socket(zmq_ctx_new(), Sub);
        zmq_setsockopt(socket, Timeout, BitConverter.GetBytes(20000), new UIntPtr(4));
        zmq_setsockopt(socket, Subscribe, Encoding.ASCII.GetBytes("VXM1"), new UIntPtr(4));
        zmq_connect(socket, endpoint);
        byte[] buffer = new byte[4 << 20];
        StringBuilder lines = new StringBuilder();
        long[] time = new long[2];
        VoxMeshMessage m;
        string refusal;
        while (true)
        {
            int size = zmq_recv(socket, buffer, new UIntPtr((uint)buffer.Length), 0);
            if (size < 0)
                return 1;
            if (timed && VoxMeshMessage.TryParse(buffer, 0, size, out m, out refusal) && m.Kind == MessageKind.Frame)
            {
                m.ReadVertices(numbers);
                clock_gettime(1, time);
                lines.Append(m.Index).Append(' ').Append(m.PublishedNs).Append(' ');
                lines.Append(time[0] * 1000000000 + time[1]).Append('\n');
                continue;
            }
            byte[] data = new byte[size];
            Array.Copy(buffer, data, size);
            string line = Line(data);
            Console.WriteLine(line);
            if (line.StartsWith("bye"))
            {
                Console.Write(lines);
                return 0;
            }
        }
    }
}
