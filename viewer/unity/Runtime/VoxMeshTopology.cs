using System;
using System.Collections.Generic;
using System.Text;

namespace VoxMesh
{
    /// <summary>What a face is while it does not move. Metres, Y up, facing +Z, right-handed, counter-clockwise.</summary>
    public sealed class VoxMeshTopology
    {
        public string Session;
        /// <summary>3 a vertex: x y z.</summary>
        public float[] Template;
        /// <summary>3 a triangle.</summary>
        public int[] Faces;
        /// <summary>sRGB, 3 a vertex; null when it was not sent.</summary>
        public byte[] Albedo;
        public string[] BlendshapeNames;
        public readonly Dictionary<string, int> Landmarks = new Dictionary<string, int>();
        /// <summary>Frame t depicts sample floor(t * SampleRate * FpsDen / FpsNum).</summary>
        public int SampleRate, FpsNum, FpsDen;

        /// <summary>Reads a topology message's body. False, with the reason, when it is damaged.</summary>
        public static bool TryRead(VoxMeshMessage message, out VoxMeshTopology topology, out string refusal)
        {
            topology = null;
            refusal = null;
            try
            {
                if (message.Kind != MessageKind.Topology)
                    throw new FormatException("it is no topology");
                topology = Read(message);
                return true;
            }
            catch (Exception error)
            {
                if (!(error is FormatException || error is InvalidCastException || error is KeyNotFoundException
                      || error is OverflowException || error is ArgumentException || error is NullReferenceException))
                    throw;
                refusal = "a damaged topology message: " + error.Message;
                return false;
            }
        }

        private static VoxMeshTopology Read(VoxMeshMessage message)
        {
            ArraySegment<byte> body = message.Body;
            uint text = body.Count < 8 ? uint.MaxValue : BitConverter.ToUInt32(body.Array, body.Offset);
            if (text % 8 != 0 || text > body.Count - 8)
                throw new FormatException("its JSON is not there");
            int arrays = body.Offset + 8 + (int)text;
            int bytes = body.Offset + body.Count - arrays;
            Encoding strict = new UTF8Encoding(false, true);
            var about = (Dictionary<string, object>)VoxMeshJson.Parse(strict.GetString(body.Array, body.Offset + 8, (int)text));
            VoxMeshTopology found = new VoxMeshTopology { Session = message.SessionName() };
            foreach (object row in (List<object>)about["arrays"])
            {
                var entry = (Dictionary<string, object>)row;
                var shape = (List<object>)entry["shape"];
                long count = 1;
                foreach (object size in shape)
                    count = checked(count * Whole(size, 1 << 24));
                string name = (string)entry["name"], type = (string)entry["type"];
                int offset = Whole(entry["offset"], int.MaxValue);
                int size4 = type == "uint8" ? 1 : 4;
                if (offset % 8 != 0 || offset > bytes || count > (bytes - offset) / size4)
                    throw new FormatException("array " + name + " is not inside it");
                if (name == "template")
                    found.Template = (float[])Copy(body.Array, arrays + offset, new float[Sized(type, "float32", count, 3)]);
                else if (name == "faces")
                    found.Faces = (int[])Copy(body.Array, arrays + offset, new int[Sized(type, "int32", count, 3)]);
                else if (name == "albedo")
                    found.Albedo = (byte[])Copy(body.Array, arrays + offset, new byte[Sized(type, "uint8", count, 3)]);
            }
            foreach (KeyValuePair<string, object> landmark in (Dictionary<string, object>)about["landmarks"])
                found.Landmarks[landmark.Key] = Whole(landmark.Value, Math.Max(0, message.Count - 1));
            var names = (List<object>)about["blendshape_names"];
            found.BlendshapeNames = names.ConvertAll(name => (string)name).ToArray();
            found.SampleRate = Whole(about["sample_rate"], int.MaxValue);
            found.FpsNum = Whole(about["fps_num"], int.MaxValue);
            found.FpsDen = Whole(about["fps_den"], int.MaxValue);
            found.Check(message);
            return found;
        }

        private void Check(VoxMeshMessage message)
        {
            if (Template == null || Faces == null || Template.Length != 3 * message.Count)
                throw new FormatException("it has not the vertices that its header tells of");
            if (BlendshapeNames.Length != message.Weights || Albedo != null && Albedo.Length != Template.Length)
                throw new FormatException("it has not the names or colours that its header tells of");
            if (SampleRate < 1 || FpsNum < 1 || FpsDen < 1)
                throw new FormatException("its clock stands still");
            foreach (int vertex in Faces)
                if (vertex < 0 || vertex >= message.Count)
                    throw new FormatException("a face names a vertex that is not there");
        }

        private static int Whole(object value, int most)
        {
            double number = (double)value;
            if (!(number >= 0 && number <= most) || number != Math.Floor(number))
                throw new FormatException(number + " is not a whole number up to " + most);
            return (int)number;
        }

        private static int Sized(string type, string wanted, long count, int multiple)
        {
            if (type != wanted || count % multiple != 0)
                throw new FormatException("an array of " + count + " " + type);
            return (int)count;
        }

        private static Array Copy(byte[] from, int at, Array into)
        {
            Buffer.BlockCopy(from, at, into, 0, Buffer.ByteLength(into));
            return into;
        }
    }
}
