using UnityEngine;
using UnityEngine.Rendering;

namespace VoxMesh
{
    /// <summary>
    /// The face that a publisher sends. With a <see cref="SkinnedMeshRenderer"/> it drives that character's blendshapes by
    /// their ARKit names (voxmesh live --send weights, or both); without one it makes and moves a mesh of its own.
    /// </summary>
    [AddComponentMenu("voxmesh/Face")]
    public sealed class VoxMeshFace : MonoBehaviour
    {
        [Tooltip("Where voxmesh live publishes.")]
        public string endpoint = "tcp://127.0.0.1:5556";
        [Tooltip("Where it asks for keys (voxmesh live --key): its public key, and our own pair; 40 characters each.")]
        public string serverKey = "", publicKey = "", secretKey = "";
        [Tooltip("A character with ARKit's blendshapes. Empty: a mesh of its own.")]
        public SkinnedMeshRenderer character;
        [Tooltip("The mesh's material; the pipeline's default when empty.")]
        public Material material;

        /// <summary>What the receiver counts, for a display; null while disabled.</summary>
        public VoxMeshReceiver Receiver { get; private set; }
        /// <summary>The header of the frame that is shown, and how many have been.</summary>
        public VoxMeshMessage Shown { get; private set; }
        public int ShownFrames { get; private set; }

        private float[] xyz, weights;
        private Vector3[] points;
        private Mesh mesh;
        private int[] shapes;

        private void OnEnable()
        {
            Receiver = new VoxMeshReceiver(endpoint, serverKey, publicKey, secretKey);
        }

        private void OnDisable()
        {
            Receiver.Dispose();
            Receiver = null;
            NetMQ.NetMQConfig.Cleanup(false);
        }

        private void OnDestroy()
        {
            if (mesh != null)
                Destroy(mesh);
        }

        private void Update()
        {
            VoxMeshTopology topology;
            VoxMeshMessage frame;
            if (Receiver.TakeTopology(out topology))
            {
                if (character != null)
                    FindShapes(topology.BlendshapeNames);
                else
                    MakeMesh(topology);
            }
            if (!Receiver.TakeFrame(ref xyz, ref weights, out frame))
                return;
            Shown = frame;
            ShownFrames++;
            if (character != null && shapes != null && frame.Weights == shapes.Length)
                for (int i = 0; i < shapes.Length; i++)
                    if (shapes[i] >= 0)
                        character.SetBlendShapeWeight(shapes[i], 100f * weights[i]);
            if (character == null && mesh != null && frame.Count == points.Length)
            {
                Move(xyz);
                mesh.RecalculateNormals();
            }
        }

        private void FindShapes(string[] names)
        {
            Mesh own = character.sharedMesh;
            shapes = new int[names.Length];
            for (int i = 0; i < names.Length; i++)
            {
                shapes[i] = -1;
                for (int k = 0; k < own.blendShapeCount && shapes[i] < 0; k++)
                    if (SameShape(own.GetBlendShapeName(k), names[i]))
                        shapes[i] = k;
            }
        }

        /// <summary>`jawOpen` is also `JawOpen`, `blendShape1.jawOpen`, `jaw_open`; `eyeBlinkLeft` is also `eyeBlink_L`.</summary>
        public static bool SameShape(string theirs, string arkit)
        {
            return Plain(theirs.Substring(theirs.LastIndexOf('.') + 1)) == Plain(arkit);
        }

        private static string Plain(string name)
        {
            if (name.EndsWith("_L"))
                name = name.Substring(0, name.Length - 2) + "Left";
            else if (name.EndsWith("_R"))
                name = name.Substring(0, name.Length - 2) + "Right";
            return name.Replace("_", "").ToLowerInvariant();
        }

        private void MakeMesh(VoxMeshTopology topology)
        {
            int count = topology.Template.Length / 3;
            if (mesh != null)
                Destroy(mesh);
            mesh = new Mesh { name = "voxmesh " + topology.Session };
            mesh.indexFormat = count > 65535 ? IndexFormat.UInt32 : IndexFormat.UInt16;
            mesh.MarkDynamic();
            points = new Vector3[count];
            Move(topology.Template);
            if (topology.Albedo != null)
            {
                Color32[] colors = new Color32[count];
                for (int i = 0; i < count; i++)
                    colors[i] = new Color32(topology.Albedo[3 * i], topology.Albedo[3 * i + 1], topology.Albedo[3 * i + 2], 255);
                mesh.colors32 = colors;
            }
            int[] faces = new int[topology.Faces.Length];
            for (int i = 0; i < faces.Length; i += 3)
            {
                // Mirroring x turned every triangle over: turn it back.
                faces[i] = topology.Faces[i];
                faces[i + 1] = topology.Faces[i + 2];
                faces[i + 2] = topology.Faces[i + 1];
            }
            mesh.triangles = faces;
            mesh.RecalculateNormals();
            mesh.RecalculateBounds();
            Show();
        }

        private void Show()
        {
            MeshFilter filter = GetComponent<MeshFilter>();
            if (filter == null)
                filter = gameObject.AddComponent<MeshFilter>();
            filter.sharedMesh = mesh;
            MeshRenderer shown = GetComponent<MeshRenderer>();
            if (shown == null)
                shown = gameObject.AddComponent<MeshRenderer>();
            if (material != null)
                shown.sharedMaterial = material;
            else if (shown.sharedMaterial == null)
                shown.sharedMaterial = new Material(Shader.Find("Standard") ?? Shader.Find("Universal Render Pipeline/Lit"));
        }

        /// <summary>Right-handed metres to Unity's left-handed ones: x is mirrored.</summary>
        private void Move(float[] from)
        {
            for (int i = 0; i < points.Length; i++)
                points[i] = new Vector3(-from[3 * i], from[3 * i + 1], from[3 * i + 2]);
            mesh.vertices = points;
        }
    }
}
