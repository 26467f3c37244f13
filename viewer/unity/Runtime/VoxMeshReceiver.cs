using System;
using System.Text;
using System.Threading;
using NetMQ;
using NetMQ.Sockets;

namespace VoxMesh
{
    /// <summary>
    /// Receives on a thread of its own and keeps the newest frame and topology for whoever draws. The publisher may come
    /// later, go and come back. Dispose it, or Unity's editor hangs on the next play.
    /// </summary>
    public sealed class VoxMeshReceiver : IDisposable
    {
        private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(100);

        private readonly object gate = new object();
        private readonly string endpoint, serverKey, publicKey, secretKey;
        private readonly Thread thread;
        private volatile bool stop;
        private VoxMeshMessage header;
        private float[] vertices = new float[0], weights = new float[0];
        private VoxMeshTopology topology;
        private bool fresh, freshTopology;

        /// <summary>Frames that arrived; that never did, seen as gaps in the index; messages that were refused.</summary>
        public int Received, Missed, Damaged;
        /// <summary>Why the last message was refused; null before any.</summary>
        public volatile string Refusal;
        /// <summary>The publisher has said goodbye.</summary>
        public volatile bool Ended;

        /// <summary>
        /// Keys, where the publisher asks for them: its public one and our own pair, 40 characters each, as in voxmesh's
        /// key files. Empty otherwise.
        /// </summary>
        public VoxMeshReceiver(string endpoint, string serverKey = "", string publicKey = "", string secretKey = "")
        {
            this.endpoint = endpoint;
            this.serverKey = serverKey;
            this.publicKey = publicKey;
            this.secretKey = secretKey;
            thread = new Thread(Run) { IsBackground = true, Name = "voxmesh" };
            thread.Start();
        }

        /// <summary>
        /// The newest frame, once: its numbers into the arrays, which grow when they must. False when there is no new one.
        /// </summary>
        public bool TakeFrame(ref float[] xyz, ref float[] shapes, out VoxMeshMessage frame)
        {
            lock (gate)
            {
                frame = header;
                if (!fresh)
                    return false;
                fresh = false;
                Copy(vertices, ref xyz, 3 * header.Count);
                Copy(weights, ref shapes, header.Weights);
                return true;
            }
        }

        /// <summary>The newest topology, once.</summary>
        public bool TakeTopology(out VoxMeshTopology found)
        {
            lock (gate)
            {
                found = topology;
                bool was = freshTopology;
                freshTopology = false;
                return was;
            }
        }

        public void Dispose()
        {
            stop = true;
            thread.Join();
        }

        private void Run()
        {
            // Unity's own sockets are the ones that work on all its platforms.
            AsyncIO.ForceDotNet.Force();
            Msg message = new Msg();
            message.InitEmpty();
            try
            {
                using (SubscriberSocket socket = new SubscriberSocket())
                {
                    socket.Options.Linger = TimeSpan.Zero;
                    foreach (string topic in new[] { "VXM1F", "VXM1T", "VXM1B" })
                        socket.Subscribe(Encoding.ASCII.GetBytes(topic));
                    // The greetings of later versions: to say that this package is too old instead of nothing.
                    for (char version = '2'; version <= '9'; version++)
                        socket.Subscribe(Encoding.ASCII.GetBytes("VXM" + version + "T"));
                    if (!string.IsNullOrEmpty(serverKey))
                    {
                        socket.Options.CurveServerCertificate = NetMQCertificate.FromPublicKey(serverKey);
                        socket.Options.CurveCertificate = new NetMQCertificate(secretKey, publicKey);
                    }
                    socket.Connect(endpoint);
                    while (!stop)
                        if (socket.TryReceive(ref message, Patience))
                            Take(message.UnsafeData, message.UnsafeOffset, message.Size);
                }
            }
            catch (Exception error)
            {
                // Of a background thread nobody would hear.
                Refusal = endpoint + ": " + error.Message;
            }
            finally
            {
                message.Close();
            }
        }

        private void Take(byte[] data, int start, int length)
        {
            VoxMeshMessage message;
            VoxMeshTopology found;
            string refusal;
            bool whole = VoxMeshMessage.TryParse(data, start, length, out message, out refusal);
            if (whole && message.Kind == MessageKind.Topology)
            {
                whole = VoxMeshTopology.TryRead(message, out found, out refusal);
                lock (gate)
                {
                    topology = whole ? found : topology;
                    freshTopology |= whole;
                }
            }
            else if (whole && message.Kind == MessageKind.Frame)
                Take(message);
            else if (whole && message.Kind == MessageKind.Bye)
                Ended = true;
            if (whole)
                return;
            Damaged++;
            Refusal = refusal;
        }

        private void Take(VoxMeshMessage message)
        {
            lock (gate)
            {
                bool same = message.SessionLow == header.SessionLow && message.SessionHigh == header.SessionHigh;
                if (same && message.Index > header.Index)
                    Missed += (int)(message.Index - header.Index) - 1;
                Received++;
                Ended = false;
                header = message.WithoutBody();
                if (vertices.Length < 3 * message.Count)
                    vertices = new float[3 * message.Count];
                if (weights.Length < message.Weights)
                    weights = new float[message.Weights];
                message.ReadVertices(vertices);
                message.ReadWeights(weights);
                fresh = true;
            }
        }

        private static void Copy(float[] from, ref float[] into, int count)
        {
            if (into == null || into.Length < count)
                into = new float[count];
            Array.Copy(from, into, count);
        }
    }
}
