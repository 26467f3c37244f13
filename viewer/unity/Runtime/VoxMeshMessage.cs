using System;
using System.Runtime.InteropServices;
using System.Text;

namespace VoxMesh
{
    public enum MessageKind : byte
    {
        Frame = (byte)'F',
        Topology = (byte)'T',
        Audio = (byte)'A',
        Bye = (byte)'B'
    }

    public enum NumberType : byte
    {
        None = 0,
        Float32 = 1,
        Float16 = 2,
        Int16 = 3
    }

    /// <summary>
    /// One message of the wire (version 1, see stream/PROTOCOL.md): its header, and readers for its body.
    /// It keeps no copy: it reads the caller's bytes into the caller's arrays, and allocates nothing.
    /// Knows no engine. A little-endian machine is assumed, which every platform of Unity is.
    /// </summary>
    public struct VoxMeshMessage
    {
        public const int HeaderBytes = 88;
        public const int MaxVertices = 1 << 20;
        public const int MaxSamples = 1 << 20;
        public const int MaxWeights = 4096;

        public MessageKind Kind;
        public NumberType Type;
        /// <summary>The session's 16 bytes, to compare; <see cref="SessionName"/> is the text.</summary>
        public ulong SessionLow, SessionHigh;
        public ulong Index, Sample;
        /// <summary>CLOCK_MONOTONIC of the publishing machine; 0 when unknown.</summary>
        public long CapturedNs, PublishedNs;
        public uint LookaheadSamples, SampleRate;
        /// <summary>Vertices of a frame or topology, samples of audio.</summary>
        public int Count;
        public int Weights;
        public float Scale, OffsetX, OffsetY, OffsetZ;

        private byte[] data;
        private int start, length;

        /// <summary>
        /// Reads the header of the message in data[start .. start + length]. False, with the reason, for anything but a
        /// whole message of version 1. The body is checked for its length; a topology's by <see cref="VoxMeshTopology"/>.
        /// </summary>
        public static bool TryParse(byte[] data, int start, int length, out VoxMeshMessage message, out string refusal)
        {
            message = new VoxMeshMessage();
            if (data == null || start < 0 || length < 0 || start > data.Length - length)
                return Refuse("not inside its buffer", out refusal);
            if (length < 4 || data[start] != 'V' || data[start + 1] != 'X' || data[start + 2] != 'M')
                return Refuse("not a voxmesh message", out refusal);
            if (data[start + 3] != '1')
                return Refuse("another wire version than 1: update the voxmesh package", out refusal);
            if (length < HeaderBytes)
                return Refuse("cut off inside its header", out refusal);
            if (data[start + 21] != 0)
                return Refuse("a flag that this reader does not know: update the voxmesh package", out refusal);
            message.data = data;
            message.start = start;
            message.length = length;
            message.Kind = (MessageKind)data[start + 4];
            message.Type = (NumberType)data[start + 22];
            message.SessionLow = BitConverter.ToUInt64(data, start + 5);
            message.SessionHigh = BitConverter.ToUInt64(data, start + 13);
            message.Index = BitConverter.ToUInt64(data, start + 24);
            message.Sample = BitConverter.ToUInt64(data, start + 32);
            message.CapturedNs = BitConverter.ToInt64(data, start + 40);
            message.PublishedNs = BitConverter.ToInt64(data, start + 48);
            message.LookaheadSamples = BitConverter.ToUInt32(data, start + 56);
            message.SampleRate = BitConverter.ToUInt32(data, start + 60);
            uint count = BitConverter.ToUInt32(data, start + 64);
            uint weights = BitConverter.ToUInt32(data, start + 68);
            message.Scale = BitConverter.ToSingle(data, start + 72);
            message.OffsetX = BitConverter.ToSingle(data, start + 76);
            message.OffsetY = BitConverter.ToSingle(data, start + 80);
            message.OffsetZ = BitConverter.ToSingle(data, start + 84);
            if (message.SessionLow % 256 == 0)
                return Refuse("no session", out refusal);
            if (count > MaxVertices || weights > MaxWeights)
                return Refuse("more numbers than a message may have", out refusal);
            message.Count = (int)count;
            message.Weights = (int)weights;
            return message.CheckBody(out refusal);
        }

        private bool CheckBody(out string refusal)
        {
            refusal = null;
            long body = length - HeaderBytes;
            if (Kind == MessageKind.Bye || Kind == MessageKind.Topology)
                return true;
            if (Kind != MessageKind.Frame && Kind != MessageKind.Audio)
                return Refuse("a kind that this reader does not know: update the voxmesh package", out refusal);
            if (Type < NumberType.Float32 || Type > NumberType.Int16)
                return Refuse("numbers of a type that this reader does not know: update the voxmesh package", out refusal);
            if (Type == NumberType.Int16 && !(Scale >= 0 && Small(Scale) && Small(OffsetX) && Small(OffsetY) && Small(OffsetZ)))
                return Refuse("an impossible scale or offset", out refusal);
            if (Kind == MessageKind.Audio && (Weights != 0 || SampleRate == 0 || body != (long)Count * NumberBytes))
                return Refuse("sound whose length is not what its header says", out refusal);
            if (Kind == MessageKind.Frame && body != 4L * Weights + 3L * Count * NumberBytes)
                return Refuse("a frame whose length is not what its header says", out refusal);
            return true;
        }

        private int NumberBytes
        {
            get { return Type == NumberType.Float32 ? 4 : 2; }
        }

        private static bool Small(float value)
        {
            return value <= 1e30f && value >= -1e30f;
        }

        private static bool Refuse(string reason, out string refusal)
        {
            refusal = reason;
            return false;
        }

        /// <summary>The session's name. Allocates: for showing, not for every frame.</summary>
        public string SessionName()
        {
            byte[] name = new byte[16];
            int end = 0;
            for (; end < 16; end++)
            {
                name[end] = (byte)((end < 8 ? SessionLow : SessionHigh) >> 8 * (end % 8));
                if (name[end] == 0)
                    break;
            }
            return Encoding.UTF8.GetString(name, 0, end);
        }

        /// <summary>The header alone: what may be kept when the bytes are given back.</summary>
        public VoxMeshMessage WithoutBody()
        {
            VoxMeshMessage header = this;
            header.data = null;
            return header;
        }

        /// <summary>A frame's weights, 0 to 1, into the first <see cref="Weights"/> elements.</summary>
        public void ReadWeights(float[] into)
        {
            if (Kind == MessageKind.Frame)
                Buffer.BlockCopy(data, start + HeaderBytes, into, 0, 4 * Weights);
        }

        /// <summary>A frame's vertices, metres, x y z x y z ..., into the first 3 * <see cref="Count"/> elements.</summary>
        public void ReadVertices(float[] into)
        {
            if (Kind == MessageKind.Frame)
                ReadNumbers(start + HeaderBytes + 4 * Weights, 3 * Count, 3, into);
        }

        /// <summary>Audio samples, -1 to 1, into the first <see cref="Count"/> elements.</summary>
        public void ReadSamples(float[] into)
        {
            if (Kind == MessageKind.Audio)
                ReadNumbers(start + HeaderBytes, Count, 1, into);
        }

        private void ReadNumbers(int at, int count, int axes, float[] into)
        {
            if (Type == NumberType.Float32)
            {
                Buffer.BlockCopy(data, at, into, 0, 4 * count);
                return;
            }
            for (int i = 0; i < count; i++, at += 2)
            {
                int bits = data[at] | data[at + 1] << 8;
                if (Type == NumberType.Float16)
                {
                    into[i] = HalfToFloat(bits);
                    continue;
                }
                int axis = i % axes;
                double offset = axis == 0 ? OffsetX : axis == 1 ? OffsetY : OffsetZ;
                into[i] = (float)(offset + (double)Scale * (short)bits);
            }
        }

        [StructLayout(LayoutKind.Explicit)]
        private struct Bits
        {
            [FieldOffset(0)] public uint Integer;
            [FieldOffset(0)] public float Number;
        }

        /// <summary>IEEE 754 binary16 to binary32, exactly.</summary>
        public static float HalfToFloat(int half)
        {
            uint sign = (uint)(half & 0x8000) << 16;
            int exponent = half >> 10 & 31;
            int fraction = half & 1023;
            if (exponent == 0)
                return (sign == 0 ? 1f : -1f) * (fraction * (1f / 16777216f));
            Bits bits = new Bits();
            uint high = exponent == 31 ? 255u : (uint)(exponent + 112);
            bits.Integer = sign | high << 23 | (uint)fraction << 13;
            return bits.Number;
        }

        /// <summary>The body's bytes, for <see cref="VoxMeshTopology"/>.</summary>
        internal ArraySegment<byte> Body
        {
            get { return new ArraySegment<byte>(data, start + HeaderBytes, length - HeaderBytes); }
        }
    }
}
