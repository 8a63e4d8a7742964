package page

import (
	"net/http"
	"strings"

	"github.com/clinicpass/clinicpass/internal/outcome"
)

// language is one in which failure pages are written.
type language struct {
	Tag                       string // BCP 47
	Again, Contact, Reference string // a link and two labels
	pages                     map[outcome.Outcome]words
}

type words struct{ Title, Text, Advice string }

// languageFor returns the first language of the request's Accept-Language that there are texts in,
// else English. Browsers put the preferred ones first; 20 are looked at.
func languageFor(h http.Header) *language {
	accepted := strings.ToLower(h.Get("Accept-Language"))
	for _, item := range strings.SplitN(accepted, ",", 20) {
		tag, _, _ := strings.Cut(strings.TrimSpace(item), ";")
		primary, _, _ := strings.Cut(tag, "-")
		if l := languages[primary]; l != nil {
			return l
		}
	}
	return languages["en"]
}

// newLanguage reads a language's texts. The first lines are the link, the labels, and a sentence
// for which {} stands in the others. Then comes a line for each outcome: its name and title, what
// happened, and what to do.
func newLanguage(tag, texts string) *language {
	lines := strings.Split(texts, "\n")
	pages := map[outcome.Outcome]words{}
	for _, line := range lines[4:] {
		parts := strings.Split(strings.Replace(line, "{}", lines[3], 1), " | ")
		pages[outcome.Outcome(parts[0])] = words{Title: parts[1], Text: parts[2], Advice: parts[3]}
	}
	return &language{Tag: tag, Again: lines[0], Contact: lines[1], Reference: lines[2], pages: pages}
}

// languages has the texts by primary subtag. They are for whoever clicked, a provider or a patient:
// what happened, what to do.
var languages = map[string]*language{
	"en": newLanguage("en", `Try again
Contact
Reference
If it happens again, tell the support of the portal the reference below.
no_identity | You are not signed in | The portal did not say who you are, so the clinic cannot be opened for you. | Sign in to the portal and open the clinic from there. {}
identity_refused | Your sign-in could not be verified | What the portal said about you was not clear enough to sign you in to the clinic. | Sign out of the portal, sign in again, and open the clinic from there. {}
not_allowed | You do not have access to the clinic | You are signed in to the portal, but your account is not in a group that may open the clinic. | If you should have access, ask the support of the portal for it.
method_refused | Please open the clinic with its link | This address signs you in to the clinic when it is opened like a page; it takes nothing else. | Go back to the portal and open the clinic from there.
not_a_navigation | Please open the clinic in a page of its own | This address signs you in when you open it yourself, not inside another page or ahead of your click. | Open the clinic with its link in the portal.
too_many | Too many sign-ins | You were signed in to the clinic many times within a minute. The clinic may be sending you back again and again. | Wait a minute before you try again. {}
credentials_refused | The clinic cannot be opened right now | The clinic does not accept sign-ins from this portal at the moment. This is not because of your account. | Please tell the support of the portal the reference below.
api_error | The clinic cannot be opened right now | The clinic gave an answer that the portal could not use. | Try again in a moment. {}
api_unavailable | The clinic cannot be reached | The clinic's sign-in service is not available at the moment. | Try again in a moment. {}
api_timeout | The clinic takes too long to answer | The clinic's sign-in service did not answer in time. | Try again in a moment. {}
keys_unavailable | The clinic cannot be opened right now | The portal cannot check your sign-in at the moment. | Try again in a moment. {}
client_closed | The page was closed | The page was closed before the clinic answered. | Open the clinic again.`),
	"es": newLanguage("es", `Intentar de nuevo
Contacto
Referencia
Si vuelve a ocurrir, comunique la referencia de abajo al soporte del portal.
no_identity | No ha iniciado sesión | El portal no ha indicado quién es usted, por lo que no se puede abrir la clínica. | Inicie sesión en el portal y abra la clínica desde allí. {}
identity_refused | No se ha podido verificar su inicio de sesión | Los datos que el portal ha dado sobre usted no bastan para abrir la clínica con seguridad. | Cierre la sesión del portal, vuelva a iniciarla y abra la clínica desde allí. {}
not_allowed | No tiene acceso a la clínica | Ha iniciado sesión en el portal, pero su cuenta no pertenece a ningún grupo que pueda abrir la clínica. | Si debería tener acceso, solicítelo al soporte del portal.
method_refused | Abra la clínica con su enlace | Esta dirección inicia su sesión en la clínica cuando se abre como una página; no acepta nada más. | Vuelva al portal y abra la clínica desde allí.
not_a_navigation | Abra la clínica en una página propia | Esta dirección inicia su sesión cuando usted la abre, no dentro de otra página ni antes de su clic. | Abra la clínica con su enlace en el portal.
too_many | Demasiados inicios de sesión | Su sesión en la clínica se ha iniciado muchas veces en un minuto. Es posible que la clínica le devuelva una y otra vez. | Espere un minuto antes de intentarlo de nuevo. {}
credentials_refused | La clínica no se puede abrir en este momento | La clínica no acepta por ahora inicios de sesión desde este portal. No se debe a su cuenta. | Comunique la referencia de abajo al soporte del portal.
api_error | La clínica no se puede abrir en este momento | La clínica ha dado una respuesta que el portal no ha podido utilizar. | Inténtelo de nuevo dentro de un momento. {}
api_unavailable | No se puede acceder a la clínica | El servicio de inicio de sesión de la clínica no está disponible en este momento. | Inténtelo de nuevo dentro de un momento. {}
api_timeout | La clínica tarda demasiado en responder | El servicio de inicio de sesión de la clínica no ha respondido a tiempo. | Inténtelo de nuevo dentro de un momento. {}
keys_unavailable | La clínica no se puede abrir en este momento | El portal no puede comprobar su inicio de sesión en este momento. | Inténtelo de nuevo dentro de un momento. {}
client_closed | La página se ha cerrado | La página se cerró antes de que la clínica respondiera. | Abra la clínica de nuevo.`),
	"vi": newLanguage("vi", `Thử lại
Liên hệ
Mã tham chiếu
Nếu vẫn gặp lỗi này, hãy báo mã tham chiếu bên dưới cho bộ phận hỗ trợ của cổng thông tin.
no_identity | Quý vị chưa đăng nhập | Cổng thông tin không cho biết quý vị là ai nên không thể mở phòng khám. | Hãy đăng nhập vào cổng thông tin rồi mở phòng khám từ đó. {}
identity_refused | Không thể xác minh đăng nhập của quý vị | Thông tin về quý vị từ cổng thông tin chưa đủ rõ ràng để đăng nhập vào phòng khám. | Hãy đăng xuất khỏi cổng thông tin, đăng nhập lại rồi mở phòng khám từ đó. {}
not_allowed | Quý vị không có quyền vào phòng khám | Quý vị đã đăng nhập vào cổng thông tin, nhưng tài khoản không thuộc nhóm được phép mở phòng khám. | Nếu quý vị cần quyền truy cập, hãy đề nghị bộ phận hỗ trợ của cổng thông tin cấp quyền.
method_refused | Vui lòng mở phòng khám bằng liên kết | Địa chỉ này đăng nhập quý vị vào phòng khám khi được mở như một trang; nó không nhận yêu cầu nào khác. | Hãy quay lại cổng thông tin và mở phòng khám từ đó.
not_a_navigation | Vui lòng mở phòng khám trong trang riêng | Địa chỉ này đăng nhập khi chính quý vị mở nó, không phải bên trong trang khác hay trước khi quý vị bấm vào. | Hãy mở phòng khám bằng liên kết trong cổng thông tin.
too_many | Đăng nhập quá nhiều lần | Quý vị đã đăng nhập vào phòng khám nhiều lần trong một phút. Có thể phòng khám liên tục chuyển quý vị trở lại. | Hãy đợi một phút rồi thử lại. {}
credentials_refused | Hiện không thể mở phòng khám | Phòng khám hiện không chấp nhận đăng nhập từ cổng thông tin này. Nguyên nhân không phải do tài khoản của quý vị. | Vui lòng báo mã tham chiếu bên dưới cho bộ phận hỗ trợ của cổng thông tin.
api_error | Hiện không thể mở phòng khám | Phòng khám đã trả lời theo cách mà cổng thông tin không dùng được. | Hãy thử lại sau giây lát. {}
api_unavailable | Không thể kết nối với phòng khám | Dịch vụ đăng nhập của phòng khám hiện không hoạt động. | Hãy thử lại sau giây lát. {}
api_timeout | Phòng khám trả lời quá chậm | Dịch vụ đăng nhập của phòng khám không trả lời kịp thời. | Hãy thử lại sau giây lát. {}
keys_unavailable | Hiện không thể mở phòng khám | Cổng thông tin hiện không thể kiểm tra đăng nhập của quý vị. | Hãy thử lại sau giây lát. {}
client_closed | Trang đã đóng | Trang đã đóng trước khi phòng khám trả lời. | Hãy mở lại phòng khám.`),
}
