package page

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sort"
	"strings"
	"unicode"

	"github.com/clinicpass/clinicpass/internal/config"
	"github.com/clinicpass/clinicpass/internal/outcome"
)

const (
	maxTexts = 64 << 10 // bytes of the pages.texts file
	maxText  = 500      // bytes of one text in it
)

// language has the texts of the failure pages in one language.
type language struct {
	Tag    string // BCP 47
	labels map[string]string
	pages  map[outcome.Outcome]words
}

type words struct{ Title, Text, Advice string }

// languageFor returns the first known language in Accept-Language, else English. Browsers put the
// preferred languages first. Only the first 20 count.
func languageFor(known map[string]*language, h http.Header) *language {
	accepted := strings.ToLower(h.Get("Accept-Language"))
	for _, item := range strings.SplitN(accepted, ",", 20) {
		tag, _, _ := strings.Cut(strings.TrimSpace(item), ";")
		primary, _, _ := strings.Cut(tag, "-")
		if l := known[primary]; l != nil {
			return l
		}
	}
	return known["en"]
}

// newLanguage reads a language's texts. A line has a label's name and the label, or an outcome's
// name, title, text (what happened) and advice (what to do).
func newLanguage(tag, texts string) *language {
	l := &language{Tag: tag, labels: map[string]string{}, pages: map[outcome.Outcome]words{}}
	for _, line := range strings.Split(texts, "\n") {
		parts := strings.Split(line, " | ")
		if len(parts) == 2 {
			l.labels[parts[0]] = parts[1]
			continue
		}
		l.pages[outcome.Outcome(parts[0])] = words{Title: parts[1], Text: parts[2], Advice: parts[3]}
	}
	return l
}

// readTexts returns the languages with the operator's texts in place of the built-in ones. Errors
// never quote a value, because the path may name the wrong file.
func readTexts(source string, p *config.Problems) map[string]*language {
	if !strings.HasPrefix(source, "file:") {
		p.Add("pages.texts", "must be file:PATH; the texts themselves and env:NAME are not accepted")
		return languages
	}
	content, err := config.ReadSecret(source)
	if err != nil {
		p.Add("pages.texts", "cannot be used: %v", err)
		return languages
	}
	given := map[string]map[string]map[string]string{}
	switch {
	case len(content) > maxTexts:
		p.Add("pages.texts", "the file has over 64 KiB")
	case !json.Valid([]byte(content)):
		p.Add("pages.texts", "the file is not valid JSON")
	case json.Unmarshal([]byte(content), &given) != nil:
		p.Add("pages.texts", `the file must be of the form {"en": {"not_allowed": {"title": "..."}}}`)
	default:
		return layOver(given, p)
	}
	return languages
}

func layOver(given map[string]map[string]map[string]string, p *config.Problems,
) map[string]*language {
	all := map[string]*language{}
	for tag, l := range languages {
		all[tag] = &language{Tag: tag, labels: l.labels, pages: map[outcome.Outcome]words{}}
		for name, text := range l.pages {
			all[tag].pages[name] = text
		}
	}
	found := &config.Problems{}
	for tag, pages := range given {
		if all[tag] == nil {
			found.Add("pages.texts", "%s is not a known language; use en, es or vi", shown(tag))
			continue
		}
		for name, texts := range pages {
			place := tag + "." + shown(name)
			text, known := all[tag].pages[outcome.Outcome(name)]
			if !known {
				found.Add("pages.texts", "%s is not a known outcome; docs/pages.md lists them", place)
				continue
			}
			for field, value := range texts {
				text = set(text, place+"."+shown(field), field, value, found)
			}
			all[tag].pages[outcome.Outcome(name)] = text
		}
	}
	sort.Strings(found.Lines) // map order is random
	p.Lines = append(p.Lines, found.Lines...)
	return all
}

// set returns the words with one field replaced.
func set(text words, place, field, value string, p *config.Problems) words {
	p.Require(strings.TrimSpace(value) != "", "pages.texts", "%s is empty", place)
	p.Require(len(value) <= maxText, "pages.texts", "%s has over %d bytes", place, maxText)
	p.Require(strings.IndexFunc(value, unicode.IsControl) < 0, "pages.texts",
		"%s has a line break or another control character", place)
	switch field {
	case "title":
		text.Title = value
	case "text":
		text.Text = value
	case "advice":
		text.Advice = value
	default:
		p.Add("pages.texts", "%s is not a known text; use title, text or advice", place)
	}
	return text
}

// shown returns a name from the file on one line, shortened to 40 characters.
func shown(name string) string { return strings.Trim(fmt.Sprintf("%.40q", name), `"`) }

// languages has the texts by primary subtag (BCP 47). Providers and patients read them, so they say
// what happened and what to do. {} is a number.
var languages = map[string]*language{
	"en": newLanguage("en", `again | Try again
home | Back to the portal
signin | Go to the portal and sign in
newtab | Open in a new tab
desk | IT help desk
contact | Contact
reference | Reference
time | Time
help | Contact the IT help desk and give them this reference.
helpagain | If it happens again, contact the IT help desk and give them this reference.
second | You can try again in 1 second.
seconds | You can try again in {} seconds.
minutes | You can try again in {} minutes.
no_identity | You are not signed in | VSee Clinic opens only when you are signed in to the portal. | Go to the portal and sign in. Then open VSee Clinic again.
identity_refused | We couldn't confirm your identity | We couldn't verify your sign-in at the portal. | Sign out of the portal and sign in again. Then open VSee Clinic again.
not_allowed | You don't have access to VSee Clinic | You are signed in to the portal, but your account does not have access to VSee Clinic. | If you think you should have access, ask for it.
method_refused | Open VSee Clinic from the portal | VSee Clinic can't be opened this way. | Go back to the portal and click the link to VSee Clinic.
not_a_navigation | VSee Clinic can't open here | For your security, VSee Clinic does not open inside another page or before you click. | Open it in a new tab, or click its link in the portal.
too_many | Too many sign-ins | You signed in to VSee Clinic too many times within a minute. | Wait a moment, then try again.
credentials_refused | VSee Clinic can't be opened right now | VSee Clinic did not accept the connection from the portal. Your account is not the cause. | Trying again will not help until this is fixed.
api_error | Something went wrong while signing you in | VSee Clinic did not complete your sign-in. | Wait a moment, then try again.
api_unavailable | VSee Clinic is not available right now | The VSee Clinic sign-in service is not available. | Wait a moment, then try again.
api_timeout | VSee Clinic is taking too long | VSee Clinic did not answer in time. | Wait a moment, then try again.
keys_unavailable | We can't confirm your identity right now | The service that confirms your sign-in is not available. | Wait a moment, then try again.
client_closed | The page was closed | The page was closed before VSee Clinic answered. | Open VSee Clinic again.`),
	"es": newLanguage("es", `again | Intentar de nuevo
home | Volver al portal
signin | Ir al portal e iniciar sesión
newtab | Abrir en una pestaña nueva
desk | Soporte informático
contact | Contacto
reference | Referencia
time | Hora
help | Comuníquese con el soporte informático e indique esta referencia.
helpagain | Si vuelve a ocurrir, comuníquese con el soporte informático e indique esta referencia.
second | Puede intentarlo de nuevo en 1 segundo.
seconds | Puede intentarlo de nuevo en {} segundos.
minutes | Puede intentarlo de nuevo en {} minutos.
no_identity | No ha iniciado sesión | VSee Clinic solo se abre si ha iniciado sesión en el portal. | Vaya al portal e inicie sesión. Después, abra VSee Clinic de nuevo.
identity_refused | No pudimos confirmar su identidad | No pudimos verificar su inicio de sesión en el portal. | Cierre la sesión del portal y vuelva a iniciarla. Después, abra VSee Clinic de nuevo.
not_allowed | No tiene acceso a VSee Clinic | Ha iniciado sesión en el portal, pero su cuenta no tiene acceso a VSee Clinic. | Si cree que debería tener acceso, solicítelo.
method_refused | Abra VSee Clinic desde el portal | VSee Clinic no se puede abrir de esta manera. | Vuelva al portal y haga clic en el enlace de VSee Clinic.
not_a_navigation | VSee Clinic no se puede abrir aquí | Por su seguridad, VSee Clinic no se abre dentro de otra página ni antes de que usted haga clic. | Ábralo en una pestaña nueva o haga clic en su enlace en el portal.
too_many | Demasiados inicios de sesión | Ha iniciado sesión en VSee Clinic demasiadas veces en un minuto. | Espere un momento e inténtelo de nuevo.
credentials_refused | VSee Clinic no se puede abrir en este momento | VSee Clinic no aceptó la conexión del portal. No se debe a su cuenta. | Intentarlo de nuevo no servirá hasta que se resuelva el problema.
api_error | Se produjo un error al iniciar su sesión | VSee Clinic no completó su inicio de sesión. | Espere un momento e inténtelo de nuevo.
api_unavailable | VSee Clinic no está disponible en este momento | El servicio de inicio de sesión de VSee Clinic no está disponible. | Espere un momento e inténtelo de nuevo.
api_timeout | VSee Clinic tarda demasiado en responder | VSee Clinic no respondió a tiempo. | Espere un momento e inténtelo de nuevo.
keys_unavailable | No podemos confirmar su identidad en este momento | El servicio que confirma su inicio de sesión no está disponible. | Espere un momento e inténtelo de nuevo.
client_closed | La página se cerró | La página se cerró antes de que VSee Clinic respondiera. | Abra VSee Clinic de nuevo.`),
	"vi": newLanguage("vi", `again | Thử lại
home | Quay lại cổng thông tin
signin | Đến cổng thông tin và đăng nhập
newtab | Mở trong tab mới
desk | Bộ phận hỗ trợ CNTT
contact | Liên hệ
reference | Mã tham chiếu
time | Thời gian
help | Hãy liên hệ bộ phận hỗ trợ CNTT và cung cấp mã tham chiếu này.
helpagain | Nếu vẫn gặp lỗi này, hãy liên hệ bộ phận hỗ trợ CNTT và cung cấp mã tham chiếu này.
second | Quý vị có thể thử lại sau 1 giây.
seconds | Quý vị có thể thử lại sau {} giây.
minutes | Quý vị có thể thử lại sau {} phút.
no_identity | Quý vị chưa đăng nhập | VSee Clinic chỉ mở khi quý vị đã đăng nhập vào cổng thông tin. | Hãy đến cổng thông tin và đăng nhập. Sau đó mở lại VSee Clinic.
identity_refused | Không xác nhận được danh tính của quý vị | Không xác minh được thông tin đăng nhập của quý vị tại cổng thông tin. | Hãy đăng xuất khỏi cổng thông tin rồi đăng nhập lại. Sau đó mở lại VSee Clinic.
not_allowed | Quý vị không có quyền truy cập VSee Clinic | Quý vị đã đăng nhập vào cổng thông tin, nhưng tài khoản không có quyền truy cập VSee Clinic. | Nếu cần quyền truy cập, quý vị hãy yêu cầu được cấp quyền.
method_refused | Hãy mở VSee Clinic từ cổng thông tin | Không thể mở VSee Clinic theo cách này. | Hãy quay lại cổng thông tin và bấm vào liên kết VSee Clinic.
not_a_navigation | Không thể mở VSee Clinic ở đây | Để bảo mật, VSee Clinic không mở bên trong trang khác hoặc trước khi quý vị bấm vào. | Hãy mở trong tab mới hoặc bấm vào liên kết trong cổng thông tin.
too_many | Đăng nhập quá nhiều lần | Quý vị đã đăng nhập vào VSee Clinic quá nhiều lần trong một phút. | Hãy đợi một lát rồi thử lại.
credentials_refused | Hiện không thể mở VSee Clinic | VSee Clinic không chấp nhận kết nối từ cổng thông tin. Nguyên nhân không phải do tài khoản của quý vị. | Thử lại sẽ không có tác dụng cho đến khi lỗi được khắc phục.
api_error | Đã xảy ra lỗi khi đăng nhập cho quý vị | VSee Clinic chưa hoàn tất việc đăng nhập của quý vị. | Hãy đợi một lát rồi thử lại.
api_unavailable | VSee Clinic hiện không hoạt động | Dịch vụ đăng nhập của VSee Clinic hiện không hoạt động. | Hãy đợi một lát rồi thử lại.
api_timeout | VSee Clinic phản hồi quá chậm | VSee Clinic không phản hồi kịp thời. | Hãy đợi một lát rồi thử lại.
keys_unavailable | Hiện chưa thể xác nhận danh tính của quý vị | Dịch vụ xác nhận đăng nhập hiện không hoạt động. | Hãy đợi một lát rồi thử lại.
client_closed | Trang đã đóng | Trang đã đóng trước khi VSee Clinic phản hồi. | Hãy mở lại VSee Clinic.`),
}
