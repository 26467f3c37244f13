using UnityEngine;

namespace VoxMesh
{
    /// <summary>
    /// A line over the picture: frames a second, losses, look-ahead. No latency: the publisher's clock is its own machine's.
    /// </summary>
    [AddComponentMenu("voxmesh/Stats")]
    [RequireComponent(typeof(VoxMeshFace))]
    public sealed class VoxMeshStats : MonoBehaviour
    {
        private VoxMeshFace face;
        private string line = "";
        private float since;
        private int before;

        private void Awake()
        {
            face = GetComponent<VoxMeshFace>();
        }

        private void Update()
        {
            float elapsed = Time.realtimeSinceStartup - since;
            if (elapsed < 0.5f || face.Receiver == null)
                return;
            VoxMeshReceiver receiver = face.Receiver;
            float fps = (face.ShownFrames - before) / elapsed;
            since = Time.realtimeSinceStartup;
            before = face.ShownFrames;
            if (receiver.Received == 0)
                line = receiver.Refusal ?? "waiting for " + face.endpoint;
            else if (receiver.Ended)
                line = "the publisher has stopped";
            else
                line = Figures(fps, face.Shown, receiver.Missed);
        }

        private static string Figures(float fps, VoxMeshMessage shown, int missed)
        {
            float lookahead = shown.SampleRate == 0 ? 0 : 1000f * shown.LookaheadSamples / shown.SampleRate;
            return fps.ToString("0") + " fps   look-ahead " + lookahead.ToString("0") + " ms   missed " + missed
                + "   " + shown.Count + " vertices, " + shown.Weights + " weights";
        }

        private void OnGUI()
        {
            GUI.Label(new Rect(8, 8, 900, 24), line);
        }
    }
}
