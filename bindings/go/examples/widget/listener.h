/* The C part of widget.go. */

#ifndef WIDGET_GO_LISTENER_H_
#define WIDGET_GO_LISTENER_H_

#include "widget.h"

haft_status widget_go_subscribe(haft_handle widget, haft_handle listener);

#endif /* WIDGET_GO_LISTENER_H_ */
