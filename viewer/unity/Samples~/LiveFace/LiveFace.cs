using UnityEngine;

namespace VoxMesh.Samples
{
    /// <summary>Put this on an empty object and press play, with `voxmesh live` running.</summary>
    public sealed class LiveFace : MonoBehaviour
    {
        private void Awake()
        {
            gameObject.AddComponent<VoxMeshFace>();
            gameObject.AddComponent<VoxMeshStats>();
            // A head is 25 cm high and looks along +z: 60 cm in front of it is a portrait.
            Camera.main.transform.position = transform.position + new Vector3(0f, 0f, 0.6f);
            Camera.main.transform.LookAt(transform);
            Camera.main.nearClipPlane = 0.05f;
        }
    }
}
